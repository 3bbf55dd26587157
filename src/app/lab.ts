// A plain WebSocket beside the realtime layer, for looking at frames: it sends what a person asks for.

import type { Message, ServerConnection } from '../index.ts';
import { runExperiment } from './experiments.ts';
import { parseLabRequest } from './lab-request.ts';
import type { LabNotice } from './messages.ts';

/** Takes what somebody sent on /lab. */
export function receiveInLab(connection: ServerConnection<unknown>, message: Message): void {
  if (typeof message !== 'string') {
    tell(connection, `The server got one binary message of ${message.length.toLocaleString('en')} bytes.`);
    return;
  }
  const request = parseLabRequest(message);
  if (request === undefined) tell(connection, 'Not understood. Try {"experiment":"ping"}.');
  else runExperiment(connection, request.experiment, request.code);
}

function tell(connection: ServerConnection<unknown>, text: string): void {
  const notice: LabNotice = { text };
  connection.send(JSON.stringify(notice));
}
