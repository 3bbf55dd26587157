// A process of its own for the server under test: `node testee-server.mjs <module>`. It tells the runner the address of
// its echo server and lives until the runner lets go of it.

/** @type {{ serveEcho: () => Promise<string> }} */
const testee = await import(process.argv[2]);
process.on('disconnect', () => process.exit());
process.send?.({ url: await testee.serveEcho() });
