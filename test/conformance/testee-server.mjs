// A process of its own for the server under test: `node testee-server.mjs <module>`. It starts an echo server for every
// setup that the runner names, tells it the address, and lives until the runner lets go of it.

/** @type {{ serveEcho: (compression: import('./opening.mjs').Compression) => Promise<string> }} */
const testee = await import(process.argv[2]);
process.on('disconnect', () => process.exit());
process.on('message', (/** @type {{ serve: string }} */ { serve }) => {
  testee.serveEcho(JSON.parse(serve)).then(
    (url) => process.send?.({ serves: serve, url }),
    (error) => {
      console.error(error);
      process.exit(1);
    },
  );
});
process.send?.({ isReady: true });
