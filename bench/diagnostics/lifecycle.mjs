// Our server with its defaults while somebody subscribes to all that is rare: handshakes, opened and closed connections, errors.
import { diagnosticsChannels } from 'fullduplex';

const { upgrade, open, close, error } = diagnosticsChannels;
let heard = 0;
for (const channel of [upgrade, open, close, error]) channel.subscribe(() => void heard++);
await import('../servers/fullduplex.mjs');
