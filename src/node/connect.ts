// The client on Node: dials, shakes hands within a deadline, and gives an open Connection or an error that says in
// what the attempt has failed.

import type { Duplex } from 'node:stream';
import { copyOf, noBytes } from '../base/bytes.ts';
import { type Clock, systemClock } from '../base/clock.ts';
import { FullduplexError } from '../base/errors.ts';
import type { ByteTransport } from '../connection/byte-transport.ts';
import { requireErrorListener, requireHandlers, requireSignal } from '../connection/callback-checks.ts';
import { Connection } from '../connection/connection.ts';
import type { ConnectionHandlers } from '../connection/connection-handlers.ts';
import { type ConnectionOptions, resolveConnectionOptions } from '../connection/connection-options.ts';
import { extensionsOf } from '../protocol/extensions/extension-options.ts';
import { requireInteger } from '../protocol/limits.ts';
import { type AcceptedHandshake, ClientHandshake } from '../protocol/handshake/client-handshake.ts';
import { ExtendedConnectHandshake } from '../protocol/handshake/extended-connect-handshake.ts';
import { HandshakeError } from '../protocol/handshake/handshake-error.ts';
import type { ProtocolSettings } from '../protocol/protocol-settings.ts';
import { requestThroughAgent } from './agent-request.ts';
import { connectFailed, type ConnectPhase, type EnterPhase, handshakeTimeout } from './connect-errors.ts';
import {
  type ConnectOptions,
  defaultConnectOptions,
  requestHeadersOf,
  withJarCookies,
} from './connect-options.ts';
import { type ConnectTarget, parseConnectTarget } from './connect-target.ts';
import { cookiesFrom, storeCookies } from './cookie-jar.ts';
import { sharedDeflateCodec } from './deflate-codec.ts';
import { clientProbe } from './diagnostics.ts';
import { dial } from './dial.ts';
import { connectOverHttp2, type Http2Plan, planHttp2 } from './http2/connect-over-http2.ts';
import { StreamTransport } from './http2/stream-transport.ts';
import { nodeSha1 } from './node-sha1.ts';
import { frameTransport, nodeEnvironment, protocolSettings } from './platform.ts';
import { redirectOf } from './redirects.ts';
import { requireRoad } from './road-options.ts';
import { SocketTransport } from './socket-transport.ts';
import { watchAttempt } from './watched-attempt.ts';

/** Checked options: all that connecting needs, as often as it is done. */
export interface ConnectPlan {
  readonly target: ConnectTarget;
  readonly options: ConnectOptions;
  readonly connectionOptions: ConnectionOptions;
  readonly handshakeTimeoutMs: number;
  makeHandshake(jarCookies?: string): ClientHandshake;
  /** The way over HTTP/2; undefined when it is not wanted. */
  readonly http2: Http2Plan | undefined;
  /** Told when the server has agreed, before the connection is made. */
  readonly accepted?: (status: number) => void;
}

/**
 * Opens a WebSocket connection.
 *
 * @param url `ws:`, `wss:`, `http:`, `https:`, or `ws+unix:/path/to.sock:/request/path?query` (with TLS: `wss+unix:`).
 * User and password in it are sent as Basic authentication.
 * @param handlers attached before the promise resolves; without them attach some later, or iterate
 * @throws (as a rejection) FullduplexError `WS_URL_INVALID`, `WS_OPTION_INVALID`, `WS_CONNECT_FAILED`,
 * `WS_CERTIFICATE_INVALID`, `WS_HANDSHAKE_TIMEOUT`, `WS_REDIRECT_REFUSED`, `WS_ABORTED`; ProxyError `WS_PROXY_REFUSED` or
 * `WS_PROXY_INVALID`; HandshakeError `WS_HANDSHAKE_REFUSED` with status, headers and the start of the body when the server says no, `WS_HANDSHAKE_INVALID`, `WS_HANDSHAKE_HEADER_INVALID` or
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
  const {
    protocols = [],
    requireProtocol = defaultConnectOptions.requireProtocol,
    maxRedirects = defaultConnectOptions.maxRedirects,
  } = options;
  const offer = { protocols, requireProtocol, extensions };
  const road = requireRoad(options, target);
  const plan: ConnectPlan = {
    target,
    options: road,
    connectionOptions: resolveConnectionOptions(options),
    handshakeTimeoutMs: requireInteger(
      'handshakeTimeoutMs',
      options.handshakeTimeoutMs ?? defaultConnectOptions.handshakeTimeoutMs,
      1,
      0x7fff_ffff,
    ),
    makeHandshake: (jarCookies) =>
      new ClientHandshake(target.requestUrl, {
        ...offer,
        headers: withJarCookies(headers, jarCookies),
        followsRedirects: maxRedirects > 0,
        sha1: nodeSha1,
      }),
    http2: planHttp2(
      target,
      options,
      road,
      (jarCookies) =>
        new ExtendedConnectHandshake(target.requestUrl, {
          ...offer,
          headers: withJarCookies(headers, jarCookies),
        }),
    ),
  };
  // The handshake checks what it is given: a mistake shows here and not at the first attempt.
  plan.makeHandshake();
  return plan;
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
  const { handshakeTimeoutMs } = plan;
  let { label } = plan.target;
  let phase: ConnectPhase = 'lookup';
  const enter: EnterPhase = (next, peer) => {
    phase = next;
    label = peer;
  };
  // The user's signal and the deadline end an attempt in the same way, for a reason of their own.
  const attempt = new AbortController();
  const abort = (): void => attempt.abort(aborted(signal));
  const timer = clock.setTimer(
    () => attempt.abort(handshakeTimeout(label, phase, handshakeTimeoutMs)),
    handshakeTimeoutMs,
  );
  signal?.addEventListener('abort', abort, { once: true });
  try {
    if (signal?.aborted === true) throw aborted(signal);
    const trail = [plan.target];
    for (let hop = plan; ; ) {
      try {
        const asked = (one: ConnectPlan): Promise<Connection> => ask(one, attempt.signal, enter, handlers);
        return await (clientProbe.isWatched ? watchAttempt(hop, asked) : asked(hop));
      } catch (error) {
        const redirect = redirectOf(error, hop.options, trail);
        if (redirect === undefined) throw error;
        hop = planConnection(redirect.url, redirect.options);
        trail.push(hop.target);
      }
    }
  } finally {
    timer.cancel();
    signal?.removeEventListener('abort', abort);
  }
}

/** Asks one server; what its answer sets goes to the cookie jar, also with a refusal. */
async function ask(
  plan: ConnectPlan,
  signal: AbortSignal,
  enter: EnterPhase,
  handlers: ConnectionHandlers<Connection> | undefined,
): Promise<Connection> {
  const { target, options } = plan;
  const { agent, cookieJar: jar } = options;
  const { label } = target;
  if (jar !== undefined) enter('cookies', label);
  const jarCookies = jar === undefined ? undefined : await cookiesFrom(jar, target, signal);
  const accept = (
    stream: Duplex,
    accepted: AcceptedHandshake,
    transportOf: (stream: Duplex) => ByteTransport,
  ): Connection | Promise<Connection> => {
    const { headers } = accepted.response;
    if (jar === undefined || !headers.has('Set-Cookie'))
      return makeConnection(transportOf(stream), accepted, plan, handlers);
    enter('cookies', label);
    const stored = storeCookies(jar, target, headers, signal);
    return untilStored(stored, stream, accepted, (rest) =>
      makeConnection(transportOf(stream), rest, plan, handlers),
    );
  };
  const acceptSocket = (stream: Duplex, accepted: AcceptedHandshake): Connection | Promise<Connection> =>
    accept(stream, accepted, (socket) => new SocketTransport(socket));
  try {
    let stream: Duplex | undefined;
    if (plan.http2 !== undefined) {
      const outcome = await connectOverHttp2(plan.http2, jarCookies, signal, enter, (over, agreed) =>
        accept(over, { ...agreed, remaining: noBytes }, () => new StreamTransport(over)),
      );
      if (outcome.kind === 'accepted') return await outcome.value;
      ({ stream } = outcome);
    }
    const handshake = plan.makeHandshake(jarCookies);
    if (agent !== undefined)
      return await requestThroughAgent({ agent, handshake, target, options }, signal, enter, acceptSocket);
    stream ??= await dial(target, options, signal, enter);
    enter('response', label);
    return await shakeHands(stream, handshake, label, signal, acceptSocket);
  } catch (error) {
    const isRefusal = error instanceof HandshakeError && error.code === 'WS_HANDSHAKE_REFUSED';
    if (jar !== undefined && isRefusal && error.headers !== undefined && !signal.aborted) {
      enter('cookies', label);
      await storeCookies(jar, target, error.headers, signal);
    }
    throw error;
  }
}

/** Keeps a stream with all that comes over it until the cookies of the answer are stored. */
async function untilStored<T>(
  stored: Promise<void>,
  stream: Duplex,
  accepted: AcceptedHandshake,
  proceed: (accepted: AcceptedHandshake) => T,
): Promise<T> {
  stream.pause();
  if (accepted.remaining.length > 0) stream.unshift(copyOf(accepted.remaining));
  try {
    await stored;
  } catch (error) {
    stream.destroy();
    throw error;
  }
  return proceed({ ...accepted, remaining: noBytes });
}

/** Sends the request and reads the answer; what follows it already belongs to the connection (RFC 6455 4.1). */
function shakeHands<T>(
  stream: Duplex,
  handshake: ClientHandshake,
  label: string,
  signal: AbortSignal,
  accept: (stream: Duplex, accepted: AcceptedHandshake) => T | Promise<T>,
): Promise<T> {
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
      resolve(accept(stream, result));
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
    else {
      stream.write(handshake.encodeRequest());
      // Behind a proxy it may be paused.
      stream.resume();
    }
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
  accepted: AcceptedHandshake,
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
  plan.accepted?.(accepted.response.status);
  clientProbe.opened(connection, plan.target.requestUrl);
  if (handlers !== undefined) connection.attach(handlers);
  // The handlers first: to a message in here that is followed by a close frame they can still reply.
  if (accepted.remaining.length > 0) transport.received(accepted.remaining);
  return connection;
}

function aborted(signal: AbortSignal | undefined): FullduplexError {
  return new FullduplexError('WS_ABORTED', 'connecting was aborted by the signal', { cause: signal?.reason });
}
