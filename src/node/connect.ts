// The client on Node: dials, shakes hands within a deadline, and gives an open Connection or an error that says in
// what the attempt has failed.

import type { Duplex } from 'node:stream';
import { type Clock, systemClock } from '../base/clock.ts';
import { noBytes } from '../base/bytes.ts';
import { FullduplexError } from '../base/errors.ts';
import type { ByteTransport } from '../connection/byte-transport.ts';
import { requireErrorListener, requireHandlers, requireSignal } from '../connection/callback-checks.ts';
import { Connection } from '../connection/connection.ts';
import type { ConnectionHandlers } from '../connection/connection-handlers.ts';
import { type ConnectionOptions, resolveConnectionOptions } from '../connection/connection-options.ts';
import { extensionsOf } from '../protocol/extensions/extension-options.ts';
import { requireInteger } from '../protocol/limits.ts';
import { ClientHandshake } from '../protocol/handshake/client-handshake.ts';
import type { Agreement } from '../protocol/handshake/client-offer.ts';
import { ExtendedConnectHandshake } from '../protocol/handshake/extended-connect-handshake.ts';
import type { ProtocolSettings } from '../protocol/protocol-settings.ts';
import { connectFailed, handshakeTimeout } from './connect-errors.ts';
import { type ConnectOptions, defaultConnectOptions, requestHeadersOf } from './connect-options.ts';
import { type ConnectTarget, parseConnectTarget } from './connect-target.ts';
import { sharedDeflateCodec } from './deflate-codec.ts';
import { type ConnectPhase, dial, makeSecureContext } from './dial.ts';
import { connectOverHttp2, type Http2Plan, sessionTarget } from './http2/connect-over-http2.ts';
import { poolFor } from './http2/http2-sessions.ts';
import { StreamTransport } from './http2/stream-transport.ts';
import { nodeSha1 } from './node-sha1.ts';
import { frameTransport, nodeEnvironment, protocolSettings } from './platform.ts';
import { SocketTransport } from './socket-transport.ts';

/** Checked options: all that connecting needs, as often as it is done. */
export interface ConnectPlan {
  readonly target: ConnectTarget;
  readonly options: ConnectOptions;
  readonly connectionOptions: ConnectionOptions;
  readonly handshakeTimeoutMs: number;
  makeHandshake(): ClientHandshake;
  /** The way over HTTP/2; undefined when it is not wanted. */
  readonly http2: Http2Plan | undefined;
}

/**
 * Opens a WebSocket connection.
 *
 * @param url `ws:`, `wss:`, `http:`, `https:`, or `ws+unix:/path/to.sock:/request/path?query` (with TLS: `wss+unix:`).
 * User and password in it are sent as Basic authentication.
 * @param handlers attached before the promise resolves; without them attach some later, or iterate
 * @throws (as a rejection) FullduplexError `WS_URL_INVALID`, `WS_OPTION_INVALID`, `WS_CONNECT_FAILED`,
 * `WS_CERTIFICATE_INVALID`, `WS_HANDSHAKE_TIMEOUT`, `WS_ABORTED`; HandshakeError `WS_HANDSHAKE_REFUSED` with status,
 * headers and the start of the body when the server says no, `WS_HANDSHAKE_INVALID`, `WS_HANDSHAKE_HEADER_INVALID` or
 * `WS_HANDSHAKE_HEADERS_TOO_LARGE` when its answer breaks a rule
 */
export async function connect(
  url: string | URL,
  options: ConnectOptions = {},
  handlers?: ConnectionHandlers<Connection>,
): Promise<Connection> {
  requireHandlers(handlers);
  return openConnection(planConnection(url, options), { signal: options.signal, handlers });
}

/** Checks the URL and all options. @throws FullduplexError `WS_URL_INVALID`, `WS_OPTION_INVALID` */
export function planConnection(url: string | URL, options: ConnectOptions): ConnectPlan {
  const target = parseConnectTarget(url);
  requireSignal(options.signal);
  requireErrorListener(options.onError);
  const headers = requestHeadersOf(options, target);
  const extensions = extensionsOf(options, sharedDeflateCodec);
  const { protocols = [], requireProtocol = defaultConnectOptions.requireProtocol } = options;
  const offer = { protocols, requireProtocol, headers, extensions };
  const dialOptions = target.isSecure
    ? { ...options, tls: { ...options.tls, secureContext: makeSecureContext(options.tls) } }
    : options;
  const plan: ConnectPlan = {
    target,
    options: dialOptions,
    connectionOptions: resolveConnectionOptions(options),
    handshakeTimeoutMs: requireInteger(
      'handshakeTimeoutMs',
      options.handshakeTimeoutMs ?? defaultConnectOptions.handshakeTimeoutMs,
      1,
      0x7fff_ffff,
    ),
    makeHandshake: () => new ClientHandshake(target.requestUrl, { ...offer, sha1: nodeSha1 }),
    http2: planHttp2(
      target,
      options,
      dialOptions,
      () => new ExtendedConnectHandshake(target.requestUrl, offer),
    ),
  };
  // The handshake checks what it is given: a mistake shows here and not at the first attempt.
  plan.makeHandshake();
  return plan;
}

function planHttp2(
  target: ConnectTarget,
  given: ConnectOptions,
  dialOptions: ConnectOptions,
  makeHandshake: () => ExtendedConnectHandshake,
): Http2Plan | undefined {
  const pool = poolFor(given.http2, target.isSecure);
  if (pool === undefined) return undefined;
  if (given.tls?.ALPNProtocols !== undefined) {
    throw new FullduplexError(
      'WS_OPTION_INVALID',
      'option tls.ALPNProtocols is given beside http2, expected one of them: http2 offers h2 and http/1.1',
    );
  }
  // Shared by what was given: the secure context is a new one for each plan.
  return { pool, target: sessionTarget(target, given, dialOptions), makeHandshake };
}

/** What differs from one attempt to the next. */
export interface ConnectAttempt {
  readonly signal?: AbortSignal | undefined;
  readonly handlers?: ConnectionHandlers<Connection> | undefined;
  /** What the deadline of the handshake goes by. @defaultValue systemClock */
  readonly clock?: Clock;
}

/**
 * Connects as planned; see connect. Attempts to one address do not wait for each other, as RFC 6455 4.1, step 2 has it:
 * that shields hosts from scripts in web pages, and programs of ours (gateways, load tests) may need many at once.
 */
export async function openConnection(
  plan: ConnectPlan,
  { signal, handlers, clock = systemClock }: ConnectAttempt = {},
): Promise<Connection> {
  const { target, handshakeTimeoutMs } = plan;
  let phase: ConnectPhase = 'lookup';
  const enter = (next: ConnectPhase): void => {
    phase = next;
  };
  // The user's signal and the deadline end an attempt in the same way, for a reason of their own.
  const attempt = new AbortController();
  const abort = (): void => attempt.abort(aborted(signal));
  const timer = clock.setTimer(
    () => attempt.abort(handshakeTimeout(target.label, phase, handshakeTimeoutMs)),
    handshakeTimeoutMs,
  );
  signal?.addEventListener('abort', abort, { once: true });
  try {
    if (signal?.aborted === true) throw aborted(signal);
    let stream: Duplex | undefined;
    if (plan.http2 !== undefined) {
      const { http2 } = plan;
      const outcome = await connectOverHttp2(http2, attempt.signal, enter, (over, agreed) =>
        makeConnection(new StreamTransport(over), { ...agreed, remaining: noBytes }, plan, handlers),
      );
      if (outcome.kind === 'accepted') return outcome.value;
      ({ stream } = outcome);
    }
    stream ??= await dial(target, plan.options, attempt.signal, enter);
    enter('response');
    return await shakeHands(stream, plan, attempt.signal, handlers);
  } finally {
    timer.cancel();
    signal?.removeEventListener('abort', abort);
  }
}

/** Sends the request and reads the answer; what follows it already belongs to the connection (RFC 6455 4.1). */
function shakeHands(
  stream: Duplex,
  plan: ConnectPlan,
  signal: AbortSignal,
  handlers: ConnectionHandlers<Connection> | undefined,
): Promise<Connection> {
  const { label } = plan.target;
  const handshake = plan.makeHandshake();
  return new Promise((resolve, reject) => {
    const release = (): void => {
      stream.off('data', received).off('end', ended).off('error', failed).off('close', ended);
      signal.removeEventListener('abort', cut);
    };
    const fail = (error: unknown): void => {
      release();
      stream.destroy();
      reject(error);
    };
    const received = (chunk: Uint8Array): void => {
      const result = handshake.receive(chunk);
      if (result.kind === 'failed') fail(result.error);
      if (result.kind !== 'accepted') return;
      release();
      // Within this call, because the stream flows: the next chunk has to find the connection listening.
      resolve(makeConnection(new SocketTransport(stream), result, plan, handlers));
    };
    const ended = (): void => {
      const error = refusalSoFar(handshake);
      fail(error.code === 'WS_HANDSHAKE_REFUSED' ? error : connectFailed(label, error));
    };
    const failed = (error: Error): void => fail(connectFailed(label, error));
    const cut = (): void => {
      const reason: unknown = signal.reason;
      const isLate = reason instanceof FullduplexError && reason.code === 'WS_HANDSHAKE_TIMEOUT';
      const error = isLate ? refusalSoFar(handshake) : undefined;
      fail(error?.code === 'WS_HANDSHAKE_REFUSED' ? error : reason);
    };
    stream.on('data', received).on('end', ended).on('error', failed).on('close', ended);
    signal.addEventListener('abort', cut);
    if (signal.aborted) cut();
    else if (stream.destroyed) ended();
    else stream.write(handshake.encodeRequest());
  });
}

/** Nothing more will come: a refusal whose body is not complete is a refusal nevertheless. */
function refusalSoFar(handshake: ClientHandshake): FullduplexError {
  const result = handshake.end();
  if (result.kind === 'failed') return result.error;
  throw new Error('an opening handshake that has ended failed neither nor was it accepted before');
}

// Connections to one server share what they need now and then; options are checked once per plan.
const clientSettings = new WeakMap<ConnectionOptions, ProtocolSettings>();

function clientSettingsOf(options: ConnectionOptions): ProtocolSettings {
  let settings = clientSettings.get(options);
  if (settings === undefined) {
    settings = protocolSettings('client', options);
    clientSettings.set(options, settings);
  }
  return settings;
}

function makeConnection(
  bytes: ByteTransport,
  accepted: Agreement & { readonly remaining: Uint8Array },
  plan: ConnectPlan,
  handlers: ConnectionHandlers<Connection> | undefined,
): Connection {
  const { connectionOptions, options } = plan;
  const { onError } = options;
  const transport = frameTransport(bytes, clientSettingsOf(connectionOptions), {
    subprotocol: accepted.protocol,
    extension: accepted.extensions[0],
    extensionsHeader: accepted.extensionsHeader,
  });
  const report = onError === undefined ? undefined : (error: unknown): void => onError(error, connection);
  const connection: Connection = new Connection(
    transport,
    undefined,
    connectionOptions,
    nodeEnvironment(report),
  );
  if (handlers !== undefined) connection.attach(handlers);
  // The handlers first: to a message in here that is followed by a close frame they can still reply.
  if (accepted.remaining.length > 0) transport.received(accepted.remaining);
  return connection;
}

function aborted(signal: AbortSignal | undefined): FullduplexError {
  return new FullduplexError('WS_ABORTED', 'connecting was aborted by the signal', { cause: signal?.reason });
}
