// Why there is no connection, in words: what Node says about a socket, made readable, with what it said as the cause.

import { FullduplexError } from '../base/errors.ts';
/** What a client is doing until it has its connection. */
export type ConnectPhase = 'lookup' | 'connect' | 'tls' | 'proxy' | 'cookies' | 'response';

/** Hears that a phase has begun, and with whom: a server, or a proxy on the way to it. */
export type EnterPhase = (phase: ConnectPhase, label: string) => void;

const phaseDescriptions: Readonly<Record<ConnectPhase, (label: string) => string>> = Object.freeze({
  lookup: (label: string) => `the address of ${label} was still being looked up`,
  connect: (label: string) => `the connection to ${label} was still being made`,
  tls: (label: string) => `TLS with ${label} was still being agreed on`,
  proxy: (label: string) => `the answer of ${label} was not complete`,
  cookies: (label: string) => `the cookie jar had not answered for ${label}`,
  response: (label: string) => `the answer of ${label} to the opening handshake was not complete`,
});

/** No stream of bytes could be opened, or it ended before the answer. */
export function connectFailed(label: string, cause: unknown): FullduplexError {
  return new FullduplexError('WS_CONNECT_FAILED', `could not connect to ${label}: ${reasonOf(cause)}`, {
    cause,
  });
}

/** The certificate of a server (or a proxy) is not trusted, not valid any more, or not for this name. */
export function certificateInvalid(
  host: string,
  cause: unknown,
  option: 'tls' | 'proxy.tls' = 'tls',
): FullduplexError {
  return new FullduplexError(
    'WS_CERTIFICATE_INVALID',
    `the certificate of ${host} is not accepted: ${reasonOf(cause)} (option ${option}.ca names authorities to trust)`,
    { cause },
  );
}

/** The deadline has passed. */
export function handshakeTimeout(label: string, phase: ConnectPhase, timeoutMs: number): FullduplexError {
  return new FullduplexError(
    'WS_HANDSHAKE_TIMEOUT',
    `no connection within ${timeoutMs} ms: ${phaseDescriptions[phase](label)}`,
  );
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // The failures of all addresses of a host (happy eyeballs), whose own message is empty.
  if (error instanceof AggregateError) return [...new Set(error.errors.map(reasonOf))].join(', ');
  // OpenSSL's message is a line of numbers and file names around its reason.
  if ('reason' in error && typeof error.reason === 'string' && 'library' in error)
    return `TLS: ${error.reason}`;
  return error.message === '' && 'code' in error ? String(error.code) : error.message;
}
