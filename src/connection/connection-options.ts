// The options of a connection, their defaults and their checks. They are safe without configuration: every queue
// is bounded, dead peers are noticed, every wait has a deadline.

import { describe, FullduplexError } from '../base/errors.ts';
import { type ProtocolLimits, defaultLimits, requireInteger } from '../protocol/limits.ts';

/** How one connection behaves. Every option has a safe default. */
export interface ConnectionOptions extends ProtocolLimits {
  /**
   * From how many queued bytes on `send` gives a promise to wait for, and from how many undelivered bytes on
   * receiving pauses; at most `maxQueuedBytes`. @defaultValue 64 KiB
   */
  readonly highWaterMarkBytes: number;
  /**
   * The most bytes that may be queued for sending. A send that goes beyond it while others wait cuts the
   * connection with the cause `WS_SEND_QUEUE_OVERFLOW`: a peer that does not read must not fill our memory. One
   * message alone may be longer.
   * @defaultValue 16 MiB
   */
  readonly maxQueuedBytes: number;
  /**
   * How often a ping is sent, in milliseconds; 0 sends none and notices no dead peer. The default stays below
   * the 30 s and 60 s after which middleboxes drop idle connections. @defaultValue 25,000
   */
  readonly pingIntervalMs: number;
  /** How long after a ping something has to arrive, in milliseconds. @defaultValue 20,000 */
  readonly pongTimeoutMs: number;
  /** How long the closing handshake and the end of the transport may take, in milliseconds. @defaultValue 5,000 */
  readonly closeTimeoutMs: number;
  /**
   * `copied`: a binary message is yours to keep. `borrowed`: it is valid only during the handler and saves a copy.
   * @defaultValue 'copied'
   */
  readonly binaryMessages: 'copied' | 'borrowed';
  /** Whether pings are answered by themselves (RFC 6455 5.5.2 demands an answer). @defaultValue true */
  readonly autoPong: boolean;
  /**
   * Whether incoming text is checked. Off, invalid UTF-8 arrives as U+FFFD, and the peer is not told that it
   * broke RFC 6455 8.1. @defaultValue true
   */
  readonly validateUtf8: boolean;
  /**
   * Whether receiving pauses while replies sent by the message handler wait above the high-water mark. Off, a
   * peer that sends and never reads makes replies pile up to `maxQueuedBytes`. @defaultValue true
   */
  readonly pauseOnBackpressure: boolean;
  /**
   * `whole`: messages arrive complete. `streamed`: they arrive as MessageStream, for messages larger than
   * memory. @defaultValue 'whole'
   */
  readonly receive: 'whole' | 'streamed';
}

/** The options that hold when none are given. */
export const defaultConnectionOptions: ConnectionOptions = Object.freeze({
  ...defaultLimits,
  highWaterMarkBytes: 64 * 1024,
  maxQueuedBytes: 16 * 1024 * 1024,
  pingIntervalMs: 25_000,
  pongTimeoutMs: 20_000,
  closeTimeoutMs: 5_000,
  binaryMessages: 'copied',
  autoPong: true,
  validateUtf8: true,
  pauseOnBackpressure: true,
  receive: 'whole',
});

const longestDelayMs = 2_147_483_647;

function requireOneOf<T extends string | boolean>(name: string, value: T, allowed: readonly T[]): T {
  if (allowed.includes(value)) return value;
  const names = allowed.map((one) => describe(one)).join(' or ');
  throw new FullduplexError('WS_OPTION_INVALID', `option ${name} is ${describe(value)}, expected ${names}`);
}

// What was completed and checked before: a server does it once for all its connections, which then share one object.
const resolvedOptions = new WeakSet<Partial<ConnectionOptions>>();

/**
 * Completes partial options with the defaults and checks them all. What it gave before is given back as it is.
 * @throws FullduplexError `WS_OPTION_INVALID` naming the option, what was given and what is allowed.
 */
export function resolveConnectionOptions(given: Partial<ConnectionOptions> = {}): ConnectionOptions {
  if (isResolved(given)) return given;
  const present = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  const options: ConnectionOptions = { ...defaultConnectionOptions, ...present };
  const isStreamed = options.receive === 'streamed';
  const booleans = [true, false];
  const maxQueuedBytes = requireInteger('maxQueuedBytes', options.maxQueuedBytes, 1);
  const resolved: ConnectionOptions = Object.freeze({
    maxMessageBytes: requireInteger(
      'maxMessageBytes',
      isStreamed && given.maxMessageBytes === undefined ? Infinity : options.maxMessageBytes,
      1,
    ),
    maxFrameBytes: requireInteger(
      'maxFrameBytes',
      isStreamed && given.maxFrameBytes === undefined ? Infinity : options.maxFrameBytes,
      125,
    ),
    maxFragments: requireInteger(
      'maxFragments',
      isStreamed && given.maxFragments === undefined ? Infinity : options.maxFragments,
      1,
    ),
    maxRetainedBytes: requireInteger('maxRetainedBytes', options.maxRetainedBytes, 1024),
    // Above the bound nobody would ever be told to wait before the connection is cut.
    highWaterMarkBytes: requireInteger(
      'highWaterMarkBytes',
      given.highWaterMarkBytes ?? Math.min(options.highWaterMarkBytes, maxQueuedBytes),
      1,
      maxQueuedBytes,
    ),
    maxQueuedBytes,
    pingIntervalMs: requireInteger('pingIntervalMs', options.pingIntervalMs, 0, longestDelayMs),
    pongTimeoutMs: requireInteger('pongTimeoutMs', options.pongTimeoutMs, 1, longestDelayMs),
    closeTimeoutMs: requireInteger('closeTimeoutMs', options.closeTimeoutMs, 1, longestDelayMs),
    binaryMessages: requireOneOf('binaryMessages', options.binaryMessages, ['copied', 'borrowed']),
    autoPong: requireOneOf('autoPong', options.autoPong, booleans),
    validateUtf8: requireOneOf('validateUtf8', options.validateUtf8, booleans),
    pauseOnBackpressure: requireOneOf('pauseOnBackpressure', options.pauseOnBackpressure, booleans),
    receive: requireOneOf('receive', options.receive, ['whole', 'streamed']),
  });
  resolvedOptions.add(resolved);
  return resolved;
}

function isResolved(options: Partial<ConnectionOptions>): options is ConnectionOptions {
  return resolvedOptions.has(options);
}
