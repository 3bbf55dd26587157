// One attempt to open a WebSocket on a session: sends the extended CONNECT (RFC 8441 5) and judges what comes back. Where
// HTTP/2 is the obstacle, and not the server's will, the answer is to use HTTP/1.1.

import { constants, type ClientHttp2Stream, type IncomingHttpHeaders } from 'node:http2';
import { FullduplexError } from '../../base/errors.ts';
import { HeaderList } from '../../protocol/handshake/header-list.ts';
import type {
  ExtendedConnectHandshake,
  ExtendedConnectResult,
} from '../../protocol/handshake/extended-connect-handshake.ts';
import { ignoreError } from '../ending-sockets.ts';
import type { ClientSession } from './client-session.ts';
import { incomingFields, outgoingFields } from './http2-fields.ts';
import { cancelStream } from './stream-end.ts';

/** An acceptance. */
export type AcceptedConnect = Extract<ExtendedConnectResult, { kind: 'accepted' }>;

/** What became of an attempt. */
export type StreamOutcome<T> =
  | { readonly kind: 'accepted'; readonly value: T }
  /** Not over HTTP/2; lasting: nor the next time. */
  | { readonly kind: 'fallback'; readonly isLasting: boolean };

// Answers that are about the method or the version, not about this WebSocket: Method Not Allowed, Misdirected Request,
// Upgrade Required, Not Implemented, HTTP Version Not Supported.
const fallbackStatuses: readonly number[] = Object.freeze([405, 421, 426, 501, 505]);
// Resets by which a server says that it cannot do this here at all.
const lastingResets: readonly number[] = Object.freeze([
  constants.NGHTTP2_PROTOCOL_ERROR,
  constants.NGHTTP2_HTTP_1_1_REQUIRED,
]);

/**
 * Opens a stream for a handshake.
 * @param accepted makes the connection, in the turn in which the acceptance came
 * @throws HandshakeError when the server refuses, or breaks a rule; the reason of the signal
 */
export function openStream<T>(
  session: ClientSession,
  handshake: ExtendedConnectHandshake,
  signal: AbortSignal,
  accepted: (stream: ClientHttp2Stream, result: AcceptedConnect) => T,
): Promise<StreamOutcome<T>> {
  const stream = session.request(outgoingFields(handshake.requestFields()));
  if (stream === undefined) return Promise.resolve({ kind: 'fallback', isLasting: false });
  return new Promise((resolve, reject) => {
    const release = (): void => {
      stream.off('response', responded).off('data', received).off('end', ended).off('close', closed);
      signal.removeEventListener('abort', cut);
    };
    const giveUp = (settle: () => void): void => {
      release();
      cancelStream(stream);
      settle();
    };
    const settle = (result: ExtendedConnectResult): void => {
      if (result.kind === 'accepted') {
        release();
        const value = accepted(stream, result);
        resolve({ kind: 'accepted', value });
      } else if (result.kind === 'failed') {
        const { error } = result;
        const isAboutHttp2 =
          error.code === 'WS_HANDSHAKE_REFUSED' && fallbackStatuses.includes(error.status ?? 0);
        giveUp(() => (isAboutHttp2 ? resolve({ kind: 'fallback', isLasting: true }) : reject(error)));
      }
    };
    const responded = (headers: IncomingHttpHeaders, _flags: number, rawHeaders?: unknown): void => {
      const fields = incomingFields(headers, rawHeaders);
      const regular: string[] = [];
      for (let index = 0; index < fields.length; index += 2) {
        if (!fields[index].startsWith(':')) regular.push(fields[index], fields[index + 1]);
      }
      const result = handshake.receiveHead({
        httpVersion: '2',
        status: Number(headers[':status']),
        reason: '',
        headers: HeaderList.fromRaw(regular),
      });
      if (result.kind === 'incomplete') stream.on('data', received).on('end', ended);
      else settle(result);
    };
    const received = (chunk: Uint8Array): void => settle(handshake.receiveBody(chunk));
    const ended = (): void => settle(handshake.end());
    const closed = (): void => {
      const result = handshake.end();
      if (result.kind !== 'incomplete') {
        settle(result);
        return;
      }
      // No response came: nothing has happened at the server that HTTP/1.1 would repeat.
      giveUp(() => resolve({ kind: 'fallback', isLasting: lastingResets.includes(stream.rstCode) }));
    };
    const cut = (): void => {
      const result = handshake.end();
      const reason: unknown = signal.reason;
      const isLate = reason instanceof FullduplexError && reason.code === 'WS_HANDSHAKE_TIMEOUT';
      // A server that answers nothing may be gone: the next attempt gets a connection of its own.
      if (isLate && result.kind === 'incomplete') session.retire();
      const refusal = result.kind === 'failed' && isLate ? result.error : undefined;
      giveUp(() => reject(refusal ?? reason));
    };
    stream.on('error', ignoreError).on('response', responded).on('close', closed);
    signal.addEventListener('abort', cut);
    if (signal.aborted) cut();
  });
}
