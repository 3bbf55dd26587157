// What stands between the links of a server, whatever carries them, and the hub: a link is offered with what is known of who
// opened it, and from then on the hub hears what arrives. Requests of clients whose link goes one way only come by `upstream`.

import type { LinkKind, ServerLink, ServerLinkEvents } from '../link/link.ts';
import type { ClientFrame, ServerFrame } from '../wire/frames.ts';

/** Who opened a link. */
export interface LinkPeer {
  readonly kind: LinkKind;
  /** The address of the client; undefined over a unix socket, or where the platform does not tell. */
  readonly remoteAddress: string | undefined;
  /** The URL that was asked for. */
  readonly url: string;
  /** The headers of the opening handshake, or of the request: undefined when there is none of the name. */
  header(name: string): string | undefined;
}

/** Takes links; the hub is one. */
export interface LinkAcceptor {
  /** A link is open. The first text that it brings is a hello; until then the hub waits for it, for a bounded time. */
  accept(link: ServerLink, peer: LinkPeer): ServerLinkEvents;
  /**
   * Frames that came beside a link which goes one way. Gives the frames that answer them, in time or not at all: it never rejects, and
   * what is wrong is an error frame or a reply with an error. A session that is not known, or another secret, is `UNAUTHENTICATED`.
   */
  upstream(
    session: readonly [id: string, secret: string],
    frames: readonly ClientFrame[],
    peer: LinkPeer,
    signal: AbortSignal,
  ): Promise<readonly ServerFrame[]>;
}
