// A server that is asked for a connection, told to who watches opening handshakes: how it answered, and how long that
// took. A redirect is a refusal, and the server behind it is asked anew.

import type { Connection } from '../connection/connection.ts';
import { FullduplexError } from '../base/errors.ts';
import { HandshakeError } from '../protocol/handshake/handshake-error.ts';
import type { ConnectPlan } from './connect.ts';
import type { DecidedUpgrade } from '../server/upgrade-log.ts';
import { clientProbe } from './diagnostics.ts';

/**
 * Makes the attempt and tells its outcome; gives, or throws, what the attempt does.
 * @param attempt asks one server, and tells the plan when that has agreed
 */
export async function watchAttempt(
  plan: ConnectPlan,
  attempt: (plan: ConnectPlan) => Promise<Connection>,
): Promise<Connection> {
  const { target } = plan;
  const startedAtMs = performance.now();
  const tell = (outcome: DecidedUpgrade['outcome'], status: number | undefined, error: unknown): void => {
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
    return await attempt({ ...plan, accepted: (status) => tell('accepted', status, undefined) });
  } catch (error) {
    if (error instanceof HandshakeError) tell('refused', error.status, error);
    else tell('abandoned', undefined, error);
    throw error;
  }
}
