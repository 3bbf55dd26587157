// Our WHATWG WebSocket with onmessage.
import { WebSocket } from 'fullduplex';
import { packageVersion } from '../../servers/side-channel.mjs';
import { openByEvents } from './events.mjs';
import { runLoadClient } from './load-client.mjs';

const identity = { name: 'fullduplex', version: packageVersion('fullduplex'), note: 'WHATWG WebSocket' };
await runLoadClient(identity, openByEvents(WebSocket));
