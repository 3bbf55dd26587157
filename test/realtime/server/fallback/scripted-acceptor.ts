// A hub that does what a test says: it keeps the links that it is offered and what arrives on them.

import type { ServerLink, ServerLinkEvents } from '../../../../src/realtime/link/link.ts';
import type { LinkAcceptor, LinkPeer } from '../../../../src/realtime/server/link-acceptor.ts';
import {
  FallbackEndpoint,
  type RequestSender,
} from '../../../../src/realtime/server/fallback/fallback-endpoint.ts';
import type { FallbackOptions } from '../../../../src/realtime/server/fallback/fallback-options.ts';
import type { ClientFrame, ServerFrame } from '../../../../src/realtime/wire/frames.ts';
import { FakeClock } from '../../../../src/testing/fake-clock.ts';

/** A link that was offered, and what came of it. */
export interface OfferedLink {
  readonly link: ServerLink;
  readonly peer: LinkPeer;
  readonly received: string[];
  drained: number;
  ended: number;
}

/** Frames that came beside a link. */
export interface Upstream {
  readonly session: readonly [id: string, secret: string];
  readonly frames: readonly ClientFrame[];
  readonly peer: LinkPeer;
  readonly signal: AbortSignal;
}

export class ScriptedAcceptor implements LinkAcceptor {
  readonly links: OfferedLink[] = [];
  readonly upstreams: Upstream[] = [];
  /** Says something when a hello arrives. */
  onHello: (link: ServerLink, hello: string) => void = () => undefined;
  /** Answers what came beside a link. */
  onUpstream: (upstream: Upstream) => Promise<readonly ServerFrame[]> = async () => [];

  accept(link: ServerLink, peer: LinkPeer): ServerLinkEvents {
    const offered: OfferedLink = { link, peer, received: [], drained: 0, ended: 0 };
    this.links.push(offered);
    return {
      received: (text) => {
        offered.received.push(text);
        this.onHello(link, text);
      },
      drained: () => {
        offered.drained++;
      },
      ended: () => {
        offered.ended++;
      },
    };
  }

  upstream(
    session: readonly [id: string, secret: string],
    frames: readonly ClientFrame[],
    peer: LinkPeer,
    signal: AbortSignal,
  ): Promise<readonly ServerFrame[]> {
    const upstream: Upstream = { session, frames, peer, signal };
    this.upstreams.push(upstream);
    return this.onUpstream(upstream);
  }
}

/** A client on the network, nothing special about it. */
export const somebody: RequestSender = { remoteAddress: '192.0.2.7', isOnLoopback: false };

/** Everything that a test of the fallbacks needs. */
export function stage(options: FallbackOptions = {}): {
  readonly acceptor: ScriptedAcceptor;
  readonly clock: FakeClock;
  readonly endpoint: FallbackEndpoint;
  readonly errors: unknown[];
  readonly post: (body: unknown, headers?: Record<string, string>, signal?: AbortSignal) => Promise<Response>;
} {
  const acceptor = new ScriptedAcceptor();
  const clock = new FakeClock();
  const errors: unknown[] = [];
  const endpoint = new FallbackEndpoint(acceptor, {
    clock,
    onError: (error) => errors.push(error),
    ...options,
  });
  return {
    acceptor,
    clock,
    endpoint,
    errors,
    post: (body, headers = {}, signal = new AbortController().signal) =>
      endpoint.handle(jsonPost(body, headers, signal), somebody),
  };
}

/** A request as our client sends it. */
export function jsonPost(
  body: unknown,
  headers: Record<string, string> = {},
  signal: AbortSignal = new AbortController().signal,
): Request {
  return new Request('http://chat.example/realtime', {
    method: 'POST',
    headers: { Host: 'chat.example', 'Content-Type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
    signal,
  });
}

/** A hello to a stream or a poll. */
export const hello = { v: 1 };

/** A welcome that tells nothing new. */
export function quietWelcome(subs: unknown = [[1, { alias: 1, delivery: 'log', recovered: true }]]): string {
  return JSON.stringify([1, { v: 1, session: ['s', 'x'], resumed: true, subs, own: {} }]);
}
