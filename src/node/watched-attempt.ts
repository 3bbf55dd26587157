// An attempt to connect, told to who watches opening handshakes: how it was answered, and how long that took.

import type { Connection } from '../connection/connection.ts';
import { FullduplexError } from '../base/errors.ts';
import { HandshakeError } from '../protocol/handshake/handshake-error.ts';
import type { ConnectTarget } from './connect-target.ts';
import { clientProbe } from './diagnostics.ts';

/**
 * Makes the attempt and tells its outcome; gives, or throws, what the attempt does.
 * @param attempt calls back when the server has agreed
 */
export async function watchAttempt(
  target: ConnectTarget,
  attempt: (accepted: () => void) => Promise<Connection>,
): Promise<Connection> {
  const startedAtMs = performance.now();
  const tell = (outcome: 'accepted' | 'refused' | 'abandoned', error: unknown): void => {
    const status = error instanceof HandshakeError ? error.status : outcome === 'accepted' ? 101 : undefined;
    clientProbe.decided(
      {
        outcome,
        status,
        code: error instanceof FullduplexError ? error.code : undefined,
        path: target.requestUrl.pathname,
        remoteAddress: undefined,
        durationMs: performance.now() - startedAtMs,
      },
      target.socketPath ?? target.requestUrl.host,
    );
  };
  try {
    return await attempt(() => tell('accepted', undefined));
  } catch (error) {
    tell(error instanceof HandshakeError ? 'refused' : 'abandoned', error);
    throw error;
  }
}
