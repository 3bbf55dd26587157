// Our server with its defaults while somebody subscribes to the frames of all connections, which copies their payload.
import { diagnosticsChannels } from 'fullduplex';

let heard = 0;
diagnosticsChannels.frame.subscribe(() => void heard++);
await import('../servers/fullduplex.mjs');
