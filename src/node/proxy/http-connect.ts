// The client's side of HTTP CONNECT (RFC 9110 9.3.6): asks a proxy for a tunnel to a server and reads its answer, which is
// the tunnel or a refusal. Used for ws: and wss: alike: no proxy has to know WebSocket then (RFC 6455 4.1).

import { describe, FullduplexError } from '../../base/errors.ts';
import { ProxyError } from '../../connection/proxy-error.ts';
import { HeaderList } from '../../protocol/handshake/header-list.ts';
import { encodeLatin1, formatRequestHead, type ResponseHead } from '../../protocol/handshake/http-head.ts';
import { ResponseHeadParser } from '../../protocol/handshake/http-head-parser.ts';
import { RefusalBody } from '../../protocol/handshake/refusal-body.ts';
import { incomplete, type Negotiation, type NegotiationStep } from './negotiation.ts';

/** What of the body of a refusal is kept, in bytes. */
const maxBodyBytes = 1024;
/** How many 1xx responses may come before the final one; a proxy that sends more wants to keep us busy. */
const maxInterimResponses = 10;

/** What a tunnel is asked for with. */
export interface HttpConnectOptions {
  /** The proxy in words, for messages. */
  readonly label: string;
  /** The server: `host:port`, IPv6 in brackets. */
  readonly authority: string;
  /** Headers beside Host. */
  readonly headers: HeaderList;
}

interface Refusal {
  readonly response: ResponseHead;
  readonly body: RefusalBody;
}

/** One request for a tunnel. */
export class HttpConnect implements Negotiation {
  readonly label: string;
  readonly #authority: string;
  readonly #headers: HeaderList;
  #parser = new ResponseHeadParser();
  #interimResponses = 0;
  #refusal: Refusal | undefined;

  constructor({ label, authority, headers }: HttpConnectOptions) {
    this.label = label;
    this.#authority = authority;
    this.#headers = headers;
  }

  start(): Uint8Array {
    // RFC 9112 3.2.3: the target of CONNECT is host and port, and Host says the same.
    const headers = new HeaderList().append('Host', this.#authority);
    for (const [name, value] of this.#headers) headers.append(name, value);
    return encodeLatin1(formatRequestHead({ method: 'CONNECT', target: this.#authority, headers }));
  }

  receive(chunk: Uint8Array): NegotiationStep {
    return this.#refusal === undefined ? this.#receiveHead(chunk) : this.#receiveBody(this.#refusal, chunk);
  }

  end(): FullduplexError {
    if (this.#refusal !== undefined) return this.#refusedBy(this.#refusal);
    const found = `the input ended after ${this.#parser.receivedBytes} bytes of the answer to CONNECT`;
    return new FullduplexError('WS_TRANSPORT_ENDED', `${found}, expected an empty line (RFC 9112 8)`);
  }

  #receiveHead(chunk: Uint8Array): NegotiationStep {
    for (;;) {
      const result = this.#parser.receive(chunk);
      if (result.kind === 'incomplete') return incomplete;
      if (result.kind === 'invalid') {
        const message = `${this.label} gave no answer to CONNECT that can be read: ${result.error.message}`;
        return {
          kind: 'failed',
          error: new ProxyError('WS_PROXY_INVALID', message, { cause: result.error }),
        };
      }
      const { head, remaining } = result;
      // RFC 9110 9.3.6: "Any 2xx (Successful) response indicates that the sender [...] will switch to tunnel mode", whatever
      // Content-Length and Transfer-Encoding say.
      if (head.status >= 200 && head.status < 300) return { kind: 'open', remaining };
      if (head.status >= 300) {
        this.#refusal = {
          response: head,
          body: new RefusalBody(head.status, head.headers, maxBodyBytes),
        };
        return this.#receiveBody(this.#refusal, remaining);
      }
      // RFC 9110 15.2: 1xx come before the final response; 101 is none that CONNECT asks for.
      if (head.status === 101 || ++this.#interimResponses > maxInterimResponses) {
        const what =
          head.status === 101 ? 'status 101' : `more than ${maxInterimResponses} interim responses`;
        const message = `${this.label} answered CONNECT with ${what}, expected 2xx or a refusal (RFC 9110 9.3.6)`;
        return { kind: 'failed', error: new ProxyError('WS_PROXY_INVALID', message) };
      }
      this.#parser = new ResponseHeadParser();
      chunk = remaining;
    }
  }

  #receiveBody(refusal: Refusal, chunk: Uint8Array): NegotiationStep {
    refusal.body.receive(chunk);
    return refusal.body.isDone ? { kind: 'failed', error: this.#refusedBy(refusal) } : incomplete;
  }

  #refusedBy({ response: { status, reason, headers }, body }: Refusal): ProxyError {
    const answer = `${status}${reason === '' ? '' : ` ${describe(reason)}`}`;
    // tinyproxy answers a wrong password with 401.
    const isAboutCredentials = status === 407 || status === 401;
    const advice = isAboutCredentials ? this.#authenticationAdvice(headers) : '';
    return new ProxyError(
      'WS_PROXY_REFUSED',
      `${this.label} refused a tunnel to ${this.#authority} with ${answer}${advice}`,
      { status, headers, body: body.text },
    );
  }

  /** RFC 9110 11.7.1: a 407 says in Proxy-Authenticate what it wants. */
  #authenticationAdvice(headers: HeaderList): string {
    const schemes = headers.joined('Proxy-Authenticate');
    const wanted = schemes === undefined ? '' : ` (Proxy-Authenticate: ${describe(schemes)})`;
    return this.#headers.has('Proxy-Authorization')
      ? `: it does not accept the credentials that it was given${wanted}`
      : `: it wants credentials${wanted}, expected user and password in the proxy's URL, or the option proxy.auth`;
  }
}
