// A process of its own for the client under test: `node testee-client.mjs <module>`. It dials the addresses that the
// runner names, echoes on each connection, and lives until the runner lets go of it.

/** @type {{ dialEcho: (url: string) => Promise<void> }} */
const testee = await import(process.argv[2]);
process.on('disconnect', () => process.exit());
process.on('message', (/** @type {{ dial: string }} */ { dial }) => {
  testee
    .dialEcho(dial)
    .catch((error) => process.send?.({ refused: dial, because: String(error?.message ?? error) }));
});
process.send?.({ isReady: true });
