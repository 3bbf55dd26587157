// The WebSocket that the runtime itself brings: undici's in Node, Bun's in Bun.
import { openByEvents } from './events.mjs';
import { runLoadClient } from './load-client.mjs';

const { bun, undici } = process.versions;
const identity = bun
  ? { name: 'Bun', version: bun, runtime: `Bun ${bun}`, note: 'its WebSocket' }
  : { name: 'undici', version: undici ?? 'unknown', note: "Node's WebSocket" };
await runLoadClient(identity, openByEvents(globalThis.WebSocket));
