// How the answer to an opening handshake is sent: each version of HTTP has its own way to accept, to refuse, and to send
// an application's Response. Here is what they have in common and the way of HTTP/1.1; that of HTTP/2 is in
// http2/stream-answers.ts.

import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { ByteTransport } from '../connection/byte-transport.ts';
import type { HandshakeRefusal } from '../protocol/handshake/handshake-refusal.ts';
import type { HandshakeAcceptance } from '../protocol/handshake/server-handshake.ts';
import { type EndingSockets, ignoreError } from './ending-sockets.ts';
import { encodeRefusedUpgrade, encodeResponse } from './http-response.ts';
import { SocketTransport } from './socket-transport.ts';

/** Answers one opening handshake. */
export interface UpgradeAnswers {
  /**
   * Says yes, and takes the stream over: a transport of what it carries from here on, beginning with `remaining`.
   * Undefined when the client is gone.
   */
  accept(stream: Duplex, acceptance: HandshakeAcceptance, remaining: Uint8Array): ByteTransport | undefined;
  /** Says no, with the response that the refusal describes. */
  refuse(stream: Duplex, refusal: HandshakeRefusal, method: string, ending: EndingSockets): void;
  /**
   * Reads a Response to its end; gives what sends it.
   * @throws whatever its body throws, also when it was read before
   */
  prepare(response: Response, method: string): Promise<(stream: Duplex, ending: EndingSockets) => void>;
}

/** The answers of HTTP/1.1: a 101, or a response after which the connection ends. */
export const http1Answers: UpgradeAnswers = Object.freeze({
  accept(socket: Duplex, { head }: HandshakeAcceptance, remaining: Uint8Array): ByteTransport | undefined {
    if (socket.destroyed) return undefined;
    if (socket instanceof Socket) {
      // Timeouts of HTTP are over; small frames leave at once.
      socket.setTimeout(0);
      socket.setNoDelay(true);
    }
    pushBack(socket, remaining);
    const transport = new SocketTransport(socket);
    socket.removeListener('error', ignoreError);
    socket.write(head, 'latin1');
    return transport;
  },

  refuse(socket: Duplex, refusal: HandshakeRefusal, method: string, ending: EndingSockets): void {
    ending.end(socket, encodeRefusedUpgrade(refusal, method));
  },

  async prepare(
    response: Response,
    method: string,
  ): Promise<(socket: Duplex, ending: EndingSockets) => void> {
    const bytes = await encodeResponse(response, method);
    return (socket, ending) => ending.end(socket, bytes);
  },
});

/**
 * Lets a stream begin with bytes that were read before: again once the handlers are attached, so that a first frame that
 * came with the handshake is answered as any other, also when a broken one follows it.
 */
export function pushBack(stream: Duplex, bytes: Uint8Array): void {
  if (bytes.length === 0) return;
  stream.pause();
  stream.unshift(bytes);
}
