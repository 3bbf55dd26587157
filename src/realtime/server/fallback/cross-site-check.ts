// Which web pages may use the fallbacks. They are held to what WebSocket is held to (src/server/origin.ts), and to more,
// because fetch can do more: a page never gets an answer of ours without the permission that CORS knows, and whatever a
// browser says of itself (Sec-Fetch-Site) must agree with its Origin.

import { describe } from '../../../base/errors.ts';
import { type AllowedOrigins, originProblem } from '../../../server/origin.ts';
import { authorityOf, type IncomingUpgrade, UpgradeRequest } from '../../../server/upgrade-request.ts';
import { refuseRequest } from './refused-request.ts';

/** What the check knows of the response. */
export interface CrossSiteVerdict {
  /** The headers that let a page of an allowed origin read the response; none for pages of our own origin. */
  readonly headers: Readonly<Record<string, string>>;
}

// How long a browser may remember what it was told, in seconds.
const preflightMaxAgeS = '600';

/**
 * Checks who sends a request.
 * @throws RefusedRequest 403
 */
export function checkCrossSite(incoming: IncomingUpgrade, allowed: AllowedOrigins): CrossSiteVerdict {
  const { headers } = incoming.head;
  const origin = headers.joined('Origin');
  const fetchSite = headers.joined('Sec-Fetch-Site');
  if (headers.joined('Sec-Fetch-Mode') === 'navigate')
    throw forbidden('a navigation of a browser, expected a request of a script');
  if (origin === undefined) {
    // Browsers name the origin of every POST: with cookies and without it, something has taken it away.
    if (headers.has('Cookie')) throw forbidden('a request with cookies and without Origin');
    if (fetchSite !== undefined && fetchSite !== 'same-origin' && fetchSite !== 'none')
      throw forbidden(`Sec-Fetch-Site ${describe(fetchSite)} and no Origin`);
  }
  const problem = problemOf(origin, incoming, allowed);
  if (problem !== undefined) throw forbidden(problem);
  // A server behind a proxy cannot see every difference of origins; the browser does.
  const isForeign = fetchSite === 'cross-site' || fetchSite === 'same-site';
  if (allowed === 'same-origin') {
    if (isForeign)
      throw forbidden(`Sec-Fetch-Site ${describe(fetchSite)}, expected a page of the same origin`);
    return { headers: {} };
  }
  if (origin === undefined) return { headers: { Vary: 'Origin' } };
  return {
    headers: {
      'Access-Control-Allow-Origin': origin,
      'Access-Control-Allow-Credentials': 'true',
      'Access-Control-Expose-Headers': 'Retry-After',
      Vary: 'Origin',
    },
  };
}

/**
 * Answers the question of a browser whether a page may send a request (Fetch 4.8).
 * @throws RefusedRequest 403, 405 when it is no such question
 */
export function answerPreflight(incoming: IncomingUpgrade, allowed: AllowedOrigins): Response {
  const { headers } = incoming.head;
  if (headers.joined('Access-Control-Request-Method') === undefined)
    throw refuseRequest(405, 'BAD_FRAME', 'method "OPTIONS", expected POST', { Allow: 'POST' });
  const verdict = checkCrossSite(incoming, allowed);
  return new Response(null, {
    status: 204,
    headers: {
      ...verdict.headers,
      'Access-Control-Allow-Methods': 'POST',
      'Access-Control-Allow-Headers': 'Content-Type',
      'Access-Control-Max-Age': preflightMaxAgeS,
    },
  });
}

function problemOf(
  origin: string | undefined,
  incoming: IncomingUpgrade,
  allowed: AllowedOrigins,
): string | undefined {
  if (allowed === 'any') return undefined;
  if (typeof allowed === 'function') {
    const isAllowed: unknown = allowed(origin, new UpgradeRequest(incoming, {}, []));
    // A promise would be truthy: an asynchronous check must not let everybody in.
    if (isAllowed === true) return undefined;
    return `Origin ${describe(origin)} is not allowed`;
  }
  const { isSecure, isOnLoopback } = incoming;
  return originProblem({ origin, authority: authorityOf(incoming), isSecure, isOnLoopback }, allowed);
}

function forbidden(message: string): Error {
  return refuseRequest(403, 'FORBIDDEN', message);
}
