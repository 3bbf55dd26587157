// A process of its own for the client under test: `node testee-client.mjs <module>`. It dials the addresses that the
// runner names, echoes on each connection, and lives until the runner lets go of it.

/** @type {{ dialEcho: (url: string, compression: import('./opening.mjs').Compression) => Promise<void> }} */
const testee = await import(process.argv[2]);
process.on('disconnect', () => process.exit());
/** @typedef {{ dial: string, compression: import('./opening.mjs').Compression }} Order */
process.on('message', (/** @type {Order} */ { dial, compression }) => {
  testee
    .dialEcho(dial, compression)
    // Whoever has heard enough may have let go of the channel meanwhile.
    .catch((error) =>
      process.send?.({ refused: dial, because: String(error?.message ?? error) }, () => undefined),
    );
});
process.send?.({ isReady: true });
