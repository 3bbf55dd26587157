// The client's side of SOCKS5 (RFC 1928) with user and password (RFC 1929): greeting, authentication if the proxy wants
// it, and the request for a connection to a server. Every message of the proxy has a length that its first bytes tell;
// more than 262 bytes are never kept.

import { isIP } from 'node:net';
import { describe, FullduplexError } from '../../base/errors.ts';
import { ProxyError } from '../../connection/proxy-error.ts';
import type { Credentials } from '../authorization.ts';
import { incomplete, type Negotiation, type NegotiationStep } from './negotiation.ts';

const version = 5;
const noAuthentication = 0x00;
const usernamePassword = 0x02;
const noAcceptableMethod = 0xff;
const passwordVersion = 1;
/** A reply up to the length of a name in it, in bytes. */
const shortestReply = 5;
const addressTypes = { ipv4: 1, name: 3, ipv6: 4 } as const;

/** RFC 1928 6: what the replies mean. */
const replies: readonly string[] = [
  'succeeded',
  'general SOCKS server failure',
  'connection not allowed by ruleset',
  'network unreachable',
  'host unreachable',
  'connection refused',
  'TTL expired',
  'command not supported',
  'address type not supported',
];

/** What a connection is asked for with. */
export interface Socks5Options {
  /** The proxy in words, for messages. */
  readonly label: string;
  /** The server: a name for the proxy to look up, or an address; IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
  readonly credentials: Credentials | undefined;
}

/** What the proxy is to send next. */
type Awaited = 'method' | 'authentication' | 'reply';

/** One request for a connection. */
export class Socks5 implements Negotiation {
  readonly label: string;
  readonly #host: string;
  readonly #port: number;
  readonly #address: readonly number[];
  readonly #credentials: Credentials | undefined;
  #awaited: Awaited = 'method';
  /** The message that is being read: its first #length bytes, and how many are needed to go on. */
  readonly #message = new Uint8Array(4 + 1 + 255 + 2);
  #length = 0;
  #needed = 2;
  #receivedBytes = 0;

  /** @throws FullduplexError `WS_URL_INVALID` for a host whose name is too long for SOCKS */
  constructor({ label, host, port, credentials }: Socks5Options) {
    this.label = label;
    this.#host = host;
    this.#port = port;
    this.#address = addressOf(host);
    this.#credentials = credentials;
  }

  start(): Uint8Array {
    // RFC 1928 3: VER, NMETHODS, METHODS
    return this.#credentials === undefined
      ? Uint8Array.of(version, 1, noAuthentication)
      : Uint8Array.of(version, 2, noAuthentication, usernamePassword);
  }

  receive(chunk: Uint8Array): NegotiationStep {
    let index = 0;
    while (index < chunk.length) {
      const taken = chunk.subarray(index, index + this.#needed - this.#length);
      this.#message.set(taken, this.#length);
      this.#length += taken.length;
      this.#receivedBytes += taken.length;
      index += taken.length;
      if (this.#length < this.#needed) break;
      const step = this.#takeMessage();
      if (step === 'open') return { kind: 'open', remaining: chunk.subarray(index) };
      if (step instanceof FullduplexError) return { kind: 'failed', error: step };
      if (step === undefined) continue;
      if (index === chunk.length) return { kind: 'incomplete', reply: step };
      const error = this.#invalid('goes on before the next request, expected it to wait', '3');
      return { kind: 'failed', error };
    }
    return incomplete;
  }

  end(): FullduplexError {
    const found = `the input ended after ${this.#receivedBytes} bytes of the answer to SOCKS`;
    return new FullduplexError('WS_TRANSPORT_ENDED', `${found}, expected a reply (RFC 1928 6)`);
  }

  /** Reads what is needed of a message; gives what is to be written next, or nothing when the message is longer. */
  #takeMessage(): Uint8Array | 'open' | ProxyError | undefined {
    if (this.#awaited === 'method') return this.#takeMethod();
    return this.#awaited === 'authentication' ? this.#takeAuthentication() : this.#takeReply();
  }

  #await(awaited: Awaited, needed: number): void {
    this.#awaited = awaited;
    this.#length = 0;
    this.#needed = needed;
  }

  /** RFC 1928 3: VER, METHOD */
  #takeMethod(): Uint8Array | ProxyError {
    const [found, method] = this.#message;
    if (found !== version)
      return this.#invalid(`begins with byte ${found}, expected ${version}: SOCKS5`, '3');
    if (method === noAuthentication) return this.#request();
    if (method === usernamePassword && this.#credentials !== undefined) {
      this.#await('authentication', 2);
      return passwordMessage(this.#credentials);
    }
    if (method !== noAcceptableMethod)
      return this.#invalid(`picks method ${method}, which was not offered`, '3');
    const advice =
      this.#credentials === undefined
        ? `: it wants credentials, expected user and password in the proxy's URL, or the option proxy.auth`
        : ': it takes neither user and password nor a client without them';
    return this.#refused(`with no acceptable method${advice} (RFC 1928 3)`);
  }

  /** RFC 1929 2: VER, STATUS */
  #takeAuthentication(): Uint8Array | ProxyError {
    const [found, status] = this.#message;
    if (found !== passwordVersion) {
      return this.#invalid(
        `to user and password begins with byte ${found}, expected ${passwordVersion}`,
        '2',
        1929,
      );
    }
    if (status === 0) return this.#request();
    return this.#refused(`: it does not accept the user and password, status ${status} (RFC 1929 2)`);
  }

  /** RFC 1928 6: VER, REP, RSV, ATYP, BND.ADDR, BND.PORT. Where the proxy dials from is of no use to us. */
  #takeReply(): 'open' | ProxyError | undefined {
    const [found, reply, , addressType, nameLength] = this.#message;
    if (found !== version)
      return this.#invalid(`begins with byte ${found}, expected ${version}: SOCKS5`, '6');
    // A refusal is told by its first two bytes: some proxies send no more of it.
    if (reply !== 0) {
      const meaning = replies[reply] ?? 'unassigned';
      return this.#refused(`: ${meaning} (SOCKS reply ${reply}, RFC 1928 6)`, reply);
    }
    if (this.#length < shortestReply) {
      this.#needed = shortestReply;
      return undefined;
    }
    const addressBytes = addressLength(addressType, nameLength);
    if (addressBytes === undefined)
      return this.#invalid(`has address type ${addressType}, expected 1, 3 or 4`, '6');
    this.#needed = 4 + addressBytes + 2;
    return this.#length === this.#needed ? 'open' : undefined;
  }

  /** RFC 1928 4: VER, CMD (1 is CONNECT), RSV, ATYP, DST.ADDR, DST.PORT */
  #request(): Uint8Array {
    this.#await('reply', 2);
    return Uint8Array.of(version, 1, 0, ...this.#address, this.#port >> 8, this.#port & 0xff);
  }

  #refused(how: string, socksReply?: number): ProxyError {
    const target = `${isIP(this.#host) === 6 ? `[${this.#host}]` : this.#host}:${this.#port}`;
    const gap = how.startsWith(':') ? '' : ' ';
    return new ProxyError(
      'WS_PROXY_REFUSED',
      `${this.label} refused a connection to ${target}${gap}${how}`,
      socksReply === undefined ? {} : { socksReply },
    );
  }

  #invalid(what: string, section: string, rfc = 1928): ProxyError {
    return new ProxyError('WS_PROXY_INVALID', `the answer of ${this.label} ${what} (RFC ${rfc} ${section})`);
  }
}

/** RFC 1929 2: VER, ULEN, UNAME, PLEN, PASSWD; the lengths were checked when the proxy was named. */
function passwordMessage({ username, password }: Credentials): Uint8Array {
  const [user, secret] = [Buffer.from(username), Buffer.from(password)];
  return Uint8Array.of(passwordVersion, user.length, ...user, secret.length, ...secret);
}

/** How many bytes BND.ADDR has; undefined for a type that does not exist. */
function addressLength(type: number, nameLength: number): number | undefined {
  if (type === addressTypes.ipv4) return 4;
  if (type === addressTypes.ipv6) return 16;
  return type === addressTypes.name ? 1 + nameLength : undefined;
}

/** RFC 1928 5: ATYP and the address. @throws FullduplexError `WS_URL_INVALID` for a name of more than 255 bytes */
function addressOf(host: string): readonly number[] {
  const family = isIP(host);
  if (family === 4) return [addressTypes.ipv4, ...host.split('.').map(Number)];
  if (family === 6) return [addressTypes.ipv6, ...ipv6Bytes(host)];
  const name = Buffer.from(host, 'latin1');
  if (name.length <= 255) return [addressTypes.name, name.length, ...name];
  throw new FullduplexError(
    'WS_URL_INVALID',
    `host is ${describe(host)} of ${name.length} bytes, expected at most 255 for SOCKS (RFC 1928 5)`,
  );
}

/** The sixteen bytes of an IPv6 address as text (RFC 4291 2.2), which is well-formed; a zone is left out. */
function ipv6Bytes(text: string): readonly number[] {
  // As a URL writes it there is no dotted part at the end any more.
  const [head = '', tail] = new URL(`http://[${text.split('%')[0]}]`).hostname.slice(1, -1).split('::');
  const groupsOf = (part: string): number[] =>
    part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16));
  const front = groupsOf(head);
  const back = tail === undefined ? [] : groupsOf(tail);
  const zeros = Array.from({ length: 8 - front.length - back.length }, () => 0);
  return [...front, ...zeros, ...back].flatMap((group) => [group >> 8, group & 0xff]);
}
