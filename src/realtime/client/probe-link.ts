// A link beside the one that is open, which finds out whether a better kind gets through by now: with a session of its own and no
// subscriptions, so that nothing is disturbed when it does not.

import type { Clock } from '../../base/clock.ts';
import type { ClientLink, OpenClientLink } from '../link/link.ts';
import type { Hello } from '../wire/frames.ts';
import { readFrames } from './frame-text.ts';

// The first heartbeat follows the welcome by a second.
const heartbeatMs = 5_000;

/**
 * Tries a kind of link.
 * @param done hears, once and unless it is cancelled, whether a welcome and a heartbeat came in time
 */
export function probe(
  open: OpenClientLink,
  hello: () => Hello,
  { clock, connectTimeoutMs }: { readonly clock: Clock; readonly connectTimeoutMs: number },
  done: (gotThrough: boolean) => void,
): { cancel(): void } {
  let link: ClientLink | undefined;
  let isWelcomed = false;
  // Behind its close a link tells nothing.
  const cancel = (): void => {
    timer.cancel();
    link?.close();
  };
  const end = (gotThrough: boolean): void => {
    cancel();
    done(gotThrough);
  };
  const timer = clock.setTimer(() => end(false), connectTimeoutMs + heartbeatMs);
  try {
    link = open(
      hello,
      {
        received: (text) => {
          try {
            for (const { length } of readFrames(text)) {
              if (length > 0) isWelcomed = true;
              else if (isWelcomed) return end(true);
            }
          } catch {
            // It is none of our servers that speaks there.
            end(false);
          }
        },
        ended: () => end(false),
      },
      () => undefined,
    );
  } catch {
    // The platform refuses the address: the timer ends it.
  }
  return { cancel };
}
