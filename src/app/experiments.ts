// What a person can ask the server to do on the wire, in order to look at the frames: one function for each kind.

import type { ServerConnection } from '../index.ts';
import type { Experiment, LabNotice } from './messages.ts';

/** The size that shows the 64-bit form of the length (RFC 6455 5.2: from 65,536 bytes). */
const largeBinaryBytes = 70_000;

/** Does what was asked for. The close code is the person's choice among those that an application may use. */
export function runExperiment(
  connection: ServerConnection<unknown>,
  experiment: Experiment,
  code?: number,
): void {
  switch (experiment) {
    case 'ping':
      connection.ping('are you there?');
      return;
    case 'fragments':
      sendFragments(connection);
      return;
    case 'binary':
      connection.send(countingBytes(256));
      return;
    case 'large-binary':
      connection.send(countingBytes(largeBinaryBytes));
      return;
    case 'close':
      void connection.close(isOfApplications(code) ? code : 1000, 'because you asked for it');
  }
}

/** One message in three frames, and a ping between them: control frames may interrupt a message (RFC 6455 5.4). */
function sendFragments(connection: ServerConnection<unknown>): void {
  const notice: LabNotice = { text: 'One text message arrived; it was made of three frames.' };
  const text = JSON.stringify(notice);
  const third = Math.ceil(text.length / 3);
  connection.sendFragment(text.slice(0, third), { fin: false });
  connection.ping('in between');
  connection.sendFragment(text.slice(third, third * 2), { fin: false });
  connection.sendFragment(text.slice(third * 2), { fin: true });
}

function countingBytes(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => index & 0xff);
}

// RFC 6455 7.4.2: 4000 to 4999 are private to applications; the others here say what really may happen.
function isOfApplications(code: number | undefined): code is number {
  if (code === undefined || !Number.isInteger(code)) return false;
  return [1000, 1001, 1008, 1011].includes(code) || (code >= 4000 && code <= 4999);
}
