// A hub that goes away gently: its sessions are sent to come back one after the other, spread evenly over a stated time and in random
// order, so that they do not all arrive at the other servers at once; then calls that still run are waited for.

import type { Clock } from '../../base/clock.ts';
import { requireInteger } from '../../protocol/limits.ts';
import { drainingError } from './hub-core.ts';
import type { SessionLink } from './session-link.ts';

/** How a hub drains. */
export interface HubDrainOptions {
  /** Over which time the sessions are sent away, in milliseconds; 0: all at once. @defaultValue 10,000 */
  readonly overMs?: number;
  /** After how many milliseconds each client shall come back; a random part of that is taken off. @defaultValue 500 */
  readonly reconnectAfterMs?: number;
  /** How long calls that run are waited for behind that, in milliseconds. @defaultValue 5,000 */
  readonly callTimeoutMs?: number;
  /** Ends the patience: who is left is sent away at once, and no call is waited for. @defaultValue none */
  readonly signal?: AbortSignal;
}

/** How a hub drains when nothing is said about it. */
export const defaultHubDrain: Readonly<Required<Omit<HubDrainOptions, 'signal'>>> = Object.freeze({
  overMs: 10_000,
  reconnectAfterMs: 500,
  callTimeoutMs: 5_000,
});

/** What became of a drain. */
export interface HubDrainReport {
  /** How many links were sent away. */
  readonly links: number;
  /** How many calls still ran at the end. */
  readonly unfinishedCalls: number;
  /** How long it took, in milliseconds. */
  readonly durationMs: number;
}

/** What a drain takes from its hub. */
export interface DrainingHub {
  readonly clock: Clock;
  readonly links: ReadonlySet<SessionLink>;
  readonly calls: { readonly runningCount: number; idle(): Promise<void> };
}

const longestMs = 2_147_483_647;

/**
 * Sends all links away.
 * @throws FullduplexError `WS_OPTION_INVALID`
 */
export async function drainHub(
  { clock, links, calls }: DrainingHub,
  options: HubDrainOptions,
): Promise<HubDrainReport> {
  const limit = (name: 'overMs' | 'reconnectAfterMs' | 'callTimeoutMs'): number =>
    requireInteger(name, options[name] ?? defaultHubDrain[name], 0, longestMs);
  const overMs = limit('overMs');
  const reconnectAfterMs = limit('reconnectAfterMs');
  const callTimeoutMs = limit('callTimeoutMs');
  const { signal } = options;
  const startedAtMs = clock.now();
  const waiting = shuffled(links);
  const count = waiting.length;
  for (const [index, link] of waiting.entries()) {
    const dueAtMs = startedAtMs + (overMs * index) / count;
    await pause(clock, dueAtMs - clock.now(), signal);
    link.goodbye(drainingError(), { retryable: true, afterMs: reconnectAfterMs * (1 - Math.random() / 2) });
  }
  await Promise.race([calls.idle(), pause(clock, callTimeoutMs, signal)]);
  return {
    links: count,
    unfinishedCalls: calls.runningCount,
    durationMs: Math.round(clock.now() - startedAtMs),
  };
}

function pause(clock: Clock, delayMs: number, signal: AbortSignal | undefined): Promise<void> {
  if (delayMs <= 0 || signal?.aborted === true) return Promise.resolve();
  return new Promise((resolve) => {
    const end = (): void => {
      timer.cancel();
      signal?.removeEventListener('abort', end);
      resolve();
    };
    const timer = clock.setTimer(end, delayMs);
    signal?.addEventListener('abort', end);
  });
}

// Nobody gains from guessing the order.
function shuffled(links: ReadonlySet<SessionLink>): SessionLink[] {
  return [...links]
    .map((link) => ({ link, rank: Math.random() }))
    .sort((a, b) => a.rank - b.rank)
    .map(({ link }) => link);
}
