// The options of the fallbacks, what holds when nothing is said, and their checks.

import { type Clock, systemClock } from '../../../base/clock.ts';
import { requireInteger } from '../../../protocol/limits.ts';
import type { ForwardedHeader } from '../../../server/forwarded-header.ts';
import { type AllowedOrigins, requireAllowedOrigins } from '../../../server/origin.ts';
import { TrustedProxies } from '../../../server/trusted-proxies.ts';
import { RequestAdmission, type RequestAdmissionOptions } from './request-admission.ts';

/** The bounds of the links that are made of HTTP requests. */
export interface FallbackLimits {
  /** The longest body of a request, in bytes; 413 beyond it. @defaultValue 1 MiB */
  readonly maxBodyBytes: number;
  /**
   * How long the body of a request may take to arrive, in milliseconds; 408 beyond it. Longer, and clients that send a byte
   * now and then hold more connections. @defaultValue 10,000
   */
  readonly bodyTimeoutMs: number;
  /** How long a poll waits for something to tell, in milliseconds: less than what stands in between waits. @defaultValue 25,000 */
  readonly pollHoldMs: number;
  /** How many bytes a stream may have waiting before its session counts as slow. @defaultValue 64 KiB */
  readonly highWaterMarkBytes: number;
  /**
   * How many bytes a stream or an answer to a poll may have waiting at all; beyond it the link is cut, and what was not sent is
   * recovered over the next. It is the net below the hub's own bound. @defaultValue 8 MiB
   */
  readonly maxBufferedBytes: number;
  /**
   * How many streams and polls there may be at a time; 503 with Retry-After beyond it. `Infinity` leaves it to the operating
   * system's limit on open files. @defaultValue Infinity
   */
  readonly maxLinks: number;
}

/** The options of the fallbacks. */
export interface FallbackOptions extends Partial<FallbackLimits>, RequestAdmissionOptions {
  /**
   * Which web pages may connect, as for WebSocket. Where it names origins other than the server's own, these are
   * told so as CORS wants it, with their credentials. Loosened to `any`, every page of the web can read and write in the name
   * of your users, with their cookies.
   * @defaultValue 'same-origin'
   */
  readonly allowedOrigins?: AllowedOrigins;
  /** The proxies in front of the server, as for WebSocket. @defaultValue none */
  readonly trustedProxies?: readonly string[];
  /** What these write. @defaultValue 'X-Forwarded-For' */
  readonly forwardedHeader?: ForwardedHeader;
  /** Hears what failed although no client did anything wrong. @defaultValue console.error */
  onError?(error: unknown): unknown;
  /** Where all deadlines come from; for tests. @defaultValue the system's clock */
  readonly clock?: Clock;
}

/** The options, complete and checked. */
export interface ResolvedFallbackOptions extends FallbackLimits {
  readonly allowedOrigins: AllowedOrigins;
  /** Undefined: nobody is believed. */
  readonly trustedProxies: TrustedProxies | undefined;
  readonly admission: RequestAdmission;
  readonly onError: (error: unknown) => unknown;
  readonly clock: Clock;
}

/** The bounds that hold when none are given. */
export const defaultFallbackLimits: FallbackLimits = Object.freeze({
  maxBodyBytes: 1024 * 1024,
  bodyTimeoutMs: 10_000,
  pollHoldMs: 25_000,
  highWaterMarkBytes: 64 * 1024,
  maxBufferedBytes: 8 * 1024 * 1024,
  maxLinks: Infinity,
});

const longestDelayMs = 2_147_483_647;

/** Completes the options and checks them. @throws FullduplexError `WS_OPTION_INVALID` */
export function resolveFallbackOptions(given: FallbackOptions): ResolvedFallbackOptions {
  const limit = (name: keyof FallbackLimits, least: number, most?: number): number =>
    requireInteger(name, given[name] ?? defaultFallbackLimits[name], least, most);
  const { clock = systemClock } = given;
  const proxies = new TrustedProxies(given.trustedProxies ?? [], given.forwardedHeader ?? 'X-Forwarded-For');
  return {
    maxBodyBytes: limit('maxBodyBytes', 1024),
    bodyTimeoutMs: limit('bodyTimeoutMs', 1, longestDelayMs),
    pollHoldMs: limit('pollHoldMs', 0, longestDelayMs),
    highWaterMarkBytes: limit('highWaterMarkBytes', 1024),
    maxBufferedBytes: limit('maxBufferedBytes', 1024),
    maxLinks: limit('maxLinks', 1),
    allowedOrigins: requireAllowedOrigins(given.allowedOrigins ?? 'same-origin'),
    trustedProxies: proxies.isEmpty ? undefined : proxies,
    onError: given.onError?.bind(given) ?? ((error) => console.error(error)),
    clock,
    admission: new RequestAdmission(given, clock),
  };
}
