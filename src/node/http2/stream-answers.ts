// The answer to an extended CONNECT (RFC 8441 5): a 200 whose stream is the WebSocket from then on, or an ordinary
// response that ends the stream.

import { Buffer } from 'node:buffer';
import { constants, type ServerHttp2Stream } from 'node:http2';
import type { Duplex } from 'node:stream';
import { FullduplexError } from '../../base/errors.ts';
import type { ByteTransport } from '../../connection/byte-transport.ts';
import type { HandshakeRefusal } from '../../protocol/handshake/handshake-refusal.ts';
import type { HandshakeAcceptance } from '../../protocol/handshake/server-handshake.ts';
import { type EndingSockets, ignoreError } from '../ending-sockets.ts';
import { pushBack, type UpgradeAnswers } from '../upgrade-answers.ts';
import { outgoingFields } from './http2-fields.ts';
import { cancelStream } from './stream-end.ts';
import { StreamTransport } from './stream-transport.ts';

/** Answers on one stream. */
export class StreamAnswers implements UpgradeAnswers {
  readonly #stream: ServerHttp2Stream;

  constructor(stream: ServerHttp2Stream) {
    this.#stream = stream;
  }

  accept(_stream: Duplex, { fields }: HandshakeAcceptance, remaining: Uint8Array): ByteTransport | undefined {
    const stream = this.#stream;
    if (!this.#mayRespond || fields === undefined) return undefined;
    pushBack(stream, remaining);
    const transport = new StreamTransport(stream);
    stream.removeListener('error', ignoreError);
    try {
      stream.respond({ ':status': 200, ...outgoingFields(fields) });
    } catch {
      // A header of the application that node:http2 does not send: there is no answer then, and so no connection.
      cancelStream(stream);
    }
    return transport;
  }

  refuse(
    _stream: Duplex,
    { status, headers, body }: HandshakeRefusal,
    _method: string,
    ending: EndingSockets,
  ): void {
    const all: [string, string][] = [...headers, ['content-type', 'text/plain; charset=utf-8']];
    this.#respond(status, all, Buffer.from(body, 'utf8'), ending);
  }

  async prepare(response: Response): Promise<(stream: Duplex, ending: EndingSockets) => void> {
    const body = response.body === null ? new Uint8Array() : new Uint8Array(await response.arrayBuffer());
    const { status, headers } = response;
    // RFC 8441 5: any 2xx accepts, and what followed would be taken for frames. 0 is that of Response.error().
    if (status < 300) {
      throw new FullduplexError(
        'WS_OPTION_INVALID',
        `upgrade returned a Response with status ${status}, expected 300 or more to refuse over HTTP/2 (RFC 8441 5)`,
      );
    }
    // A trailer that is announced never comes, and the length is that of what was read.
    const left = [...headers].filter(([name]) => name !== 'content-length' && name !== 'trailer');
    return (_stream, ending) => this.#respond(status, left, body, ending);
  }

  get #mayRespond(): boolean {
    const { destroyed, closed, headersSent } = this.#stream;
    return !destroyed && !closed && !headersSent;
  }

  #respond(
    status: number,
    headers: Iterable<readonly [string, string]>,
    body: Uint8Array,
    ending: EndingSockets,
  ): void {
    const stream = this.#stream;
    if (!this.#mayRespond) return;
    // RFC 9110 8.6: no Content-Length in a 204; a 304 has no body either.
    const hasNoBody = status === 204 || status === 304;
    const fields = outgoingFields(headers);
    if (!hasNoBody) fields['content-length'] = String(body.length);
    try {
      stream.respond({ ':status': status, ...fields });
    } catch {
      // A header of the application that node:http2 does not send: the stream is reset, which refuses as well.
      cancelStream(stream);
      return;
    }
    // RFC 9113 8.1: after a complete response, NO_ERROR asks a client to stop that has not ended its side yet.
    stream.once('finish', () => {
      if (!stream.closed) stream.close(constants.NGHTTP2_NO_ERROR);
    });
    ending.end(stream, hasNoBody ? new Uint8Array() : body);
  }
}
