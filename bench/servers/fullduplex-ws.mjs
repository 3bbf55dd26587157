// Our drop-in for ws, with the very program that ws runs.
import { WebSocketServer } from 'fullduplex/ws';
import { packageVersion } from './side-channel.mjs';
import { runServer } from './ws-program.mjs';

runServer(WebSocketServer, { name: 'fullduplex-ws', version: packageVersion('fullduplex') });
