// The hub without its types: the parts are made here and brought together, links come in, and frames go to who answers them.

import { FullduplexError, describe } from '../../base/errors.ts';
import type { ContractDefinition } from '../contract/contract.ts';
import type { CallId } from '../engine/engine.ts';
import type { ServerLink, ServerLinkEvents } from '../link/link.ts';
import { RealtimeError, type RealtimeErrorCode } from '../wire/error-codes.ts';
import { type ClientFrame, FrameType, type ServerFrame } from '../wire/frames.ts';
import { writeJson } from '../wire/json-codec.ts';
import { Calls } from './calls.ts';
import { ChannelAccess } from './channel-access.ts';
import { ChannelDeclaration, ChannelDeclarations, type ChannelOptions } from './channel-declaration.ts';
import { ClientCalls } from './client-calls.ts';
import { Greeting } from './hello.ts';
import { type HubOptions, type HubPlatform, type HubSettings, resolveHubOptions } from './hub-options.ts';
import { HubStatistics } from './hub-statistics.ts';
import type { LinkAcceptor, LinkPeer } from './link-acceptor.ts';
import { isMeant, type NodeCommand, NodeCommands, type SessionTarget } from './node-commands.ts';
import { NodeLease } from './node-lease.ts';
import { NodeStreams } from './node-streams.ts';
import { PresenceCounts } from './presence-counts.ts';
import { PresenceRooms } from './presence-rooms.ts';
import { Requests } from './requests.ts';
import type { Session } from './session.ts';
import type { LinkHome } from './link-home.ts';
import { SessionLink } from './session-link.ts';
import { SessionRegistry } from './session-registry.ts';
import { randomText } from './session-secret.ts';
import { PublicationFormat } from './stream-frames.ts';
import { Subscriber } from './subscriber.ts';
import { Upstream } from './upstream.ts';

/** The parts of a hub. */
export class HubCore implements LinkAcceptor, LinkHome {
  readonly node: string;
  readonly contract: ContractDefinition;
  readonly settings: HubSettings;
  readonly statistics: HubStatistics = new HubStatistics();
  readonly declarations: ChannelDeclarations = new ChannelDeclarations();
  readonly streams: NodeStreams;
  readonly registry: SessionRegistry;
  readonly lease: NodeLease;
  readonly calls: Calls;
  readonly clientCalls: ClientCalls;
  readonly commands: NodeCommands;
  /** Links from their opening to their end, also those that have not said hello. */
  readonly links: Set<SessionLink> = new Set();
  state: 'open' | 'draining' | 'closed' = 'open';
  readonly #ownsEngine: boolean;
  readonly #rooms: PresenceRooms;
  readonly #subscriber: Subscriber;
  readonly #requests: Requests;
  readonly #greeting: Greeting;
  readonly #upstream: Upstream;

  /** @throws FullduplexError `WS_OPTION_INVALID` */
  constructor(contract: ContractDefinition, options: HubOptions<unknown>, platform: HubPlatform) {
    this.contract = contract;
    this.#ownsEngine = options.engine === undefined;
    const settings = resolveHubOptions(options, platform);
    this.settings = settings;
    const { engine, clock, scheduler, onError, random } = settings;
    const { statistics, declarations } = this;
    this.node = randomText(random, 8);
    const { maxBufferedBytes: maxSnapshotBytes } = settings;
    this.streams = new NodeStreams({ engine, clock, scheduler, statistics, maxSnapshotBytes });
    this.commands = new NodeCommands(this.node, engine, (command) => this.#heard(command));
    this.lease = new NodeLease(this.node, engine, clock, settings.leaseMs, () => this.#rooms.announceAll());
    this.registry = new SessionRegistry({ ...settings, statistics });
    this.#rooms = new PresenceRooms({ engine, clock, lease: this.lease });
    const access = new ChannelAccess(declarations, onError);
    const { streams, registry, commands, node, lease } = this;
    const counts = new PresenceCounts();
    this.#subscriber = new Subscriber({ settings, statistics, streams, counts, access, rooms: this.#rooms });
    this.calls = new Calls({ settings, statistics, access, lease });
    this.clientCalls = new ClientCalls({ settings, node, commands, registry });
    this.#requests = new Requests({ settings, statistics, access, calls: this.calls });
    this.#greeting = new Greeting({
      settings,
      statistics,
      contractVersion: contract.version,
      direct: directOf(contract),
      access,
      streams,
      registry,
      subscriber: this.#subscriber,
      ready: () => commands.listen(),
      connected: (link, session, isResumed) => this.#connected(link, session, isResumed),
      claimed: ({ id, generation }) => this.#tell({ kind: 'claimed', session: id, generation }),
      welcomed: (session) => this.clientCalls.sendHeld(session),
    });
    this.#upstream = new Upstream({
      settings,
      statistics,
      registry,
      requests: this.#requests,
      clientCalls: this.clientCalls,
      commands,
    });
  }

  /** @throws FullduplexError `WS_OPTION_INVALID`: the contract has no such pattern, or it is declared already */
  declare(pattern: string, options: ChannelOptions): void {
    const channels = this.contract.channels ?? {};
    if (!Object.hasOwn(channels, pattern)) {
      throw new FullduplexError(
        'WS_OPTION_INVALID',
        `channel ${describe(pattern)} is not in the contract, expected one of ${Object.keys(channels).join(', ') || 'none'}`,
      );
    }
    const { onError } = this.settings;
    this.declarations.add(new ChannelDeclaration(pattern, channels[pattern], options, onError));
  }

  // Links

  accept(link: ServerLink, peer: LinkPeer): ServerLinkEvents {
    this.statistics.linksOpened++;
    const opened = new SessionLink(link, peer, this);
    this.links.add(opened);
    return opened;
  }

  upstream(
    session: readonly [id: string, secret: string],
    frames: readonly ClientFrame[],
    _peer: LinkPeer,
    signal: AbortSignal,
  ): Promise<readonly ServerFrame[]> {
    if (this.state === 'closed') return Promise.resolve([[FrameType.error, drainingError().toWire()]]);
    return this.#upstream.answer(session, frames, signal);
  }

  greet(link: SessionLink, [, hello]: Extract<ClientFrame, readonly [1, unknown]>, peer: LinkPeer): void {
    if (this.state !== 'open') {
      link.goodbye(drainingError(), { retryable: true, afterMs: 1_000 });
      return;
    }
    void this.#greeting.answer(link, hello, peer);
  }

  frame(link: SessionLink, session: Session, frame: ClientFrame): void {
    switch (frame[0]) {
      case FrameType.request:
        this.#requests.handle(session, frame, link);
        break;
      case FrameType.reply:
        this.clientCalls.answered(session, String(frame[1]), frame[2], frame[3]);
        break;
      case FrameType.cancel:
        this.#requests.cancel(session, frame[1]);
        break;
      case FrameType.subscribe:
        this.#subscriber
          .subscribe(link, session, frame[1], frame[2], frame[3] ?? {})
          .catch(this.settings.onError);
        break;
      case FrameType.unsubscribe:
        this.#subscriber.unsubscribe(link, session, frame[1]);
        break;
      case FrameType.refresh:
        void this.#refreshInOrder(link, session, frame[1]);
        break;
      default:
        break;
    }
  }

  nameOf(alias: number): string | undefined {
    return this.streams.nameOf(alias);
  }

  callsHeard(session: Session, ids: readonly CallId[]): void {
    this.calls.heard(session, ids);
  }

  beaten(session: Session): void {
    this.registry.keepOn(session);
  }

  // The session has this link from now on; an older one ends, here or on another node.
  #connected(link: SessionLink, session: Session, isResumed: boolean): void {
    const older = session.current;
    if (older !== undefined && older !== link) older.goodbye(replacedError());
    session.current = link;
    this.registry.present(session);
    this.settings.probe?.connected(session, link.kind, isResumed);
    const { id, generation } = session;
    if (isResumed) this.#tell({ kind: 'moved', session: id, generation, node: this.node });
  }

  ended(link: SessionLink, code: RealtimeErrorCode | undefined): void {
    this.links.delete(link);
    const { session } = link;
    if (session === undefined || session.current !== link) return;
    this.#subscriber.linkEnded(link, session);
    this.clientCalls.linkEnded(session);
    session.current = undefined;
    this.registry.away(session);
    this.settings.probe?.disconnected(session, code);
  }

  // One at a time, so that the newest has the last word; of those that wait only the newest counts.
  async #refreshInOrder(link: SessionLink, session: Session, token: string): Promise<void> {
    if (link.refreshing !== undefined) {
      link.refreshing.next = token;
      return;
    }
    const refreshing: NonNullable<SessionLink['refreshing']> = { next: token };
    link.refreshing = refreshing;
    while (refreshing.next !== undefined && !link.isEnded) {
      const { next } = refreshing;
      refreshing.next = undefined;
      await this.#refresh(link, session, next);
    }
    link.refreshing = undefined;
  }

  // A token that is refused ends the link; another user is another session.
  async #refresh(link: SessionLink, session: Session, token: string): Promise<void> {
    let isAnswered = false;
    try {
      const identity = await this.#greeting.identify(token, undefined, link.signal);
      if (link.isEnded) return;
      if (identity.user !== session.user) {
        link.goodbye(
          new RealtimeError(
            'TOKEN_EXPIRED',
            'the token is that of another user, expected a new session for it',
            {
              retryable: true,
            },
          ),
          { afterMs: 0 },
        );
        return;
      }
      session.data = identity.data;
      session.expiresAtMs = identity.expiresAtMs;
      link.watchExpiry();
      link.send(`[${FrameType.refresh},${JSON.stringify(session.user ?? null)}]`);
      isAnswered = true;
      await this.#subscriber.askAgain(link, session);
      await this.registry.keep(session);
    } catch (error) {
      if (error instanceof RealtimeError) {
        if (error.code !== 'UNAVAILABLE') link.goodbye(error);
        // Nobody can say now whose token that is: the one before holds on. What the engine alone does not know it is told with the
        // next heartbeat.
        else if (!isAnswered)
          link.send(`[${FrameType.refresh},null,${writeJson({ ...error.toWire(), retryable: true })}]`);
        return;
      }
      this.settings.onError(error);
      link.goodbye(
        new RealtimeError('UNAVAILABLE', 'the server failed to judge a token', { retryable: true }),
      );
    }
  }

  // What the application and the other nodes do to sessions

  #tell(command: NodeCommand): void {
    this.commands.tell(command).catch(() => {
      this.statistics.engineFailures++;
    });
  }

  #heard(command: NodeCommand): void {
    switch (command.kind) {
      case 'moved': {
        const session = this.registry.get(command.session);
        if (session !== undefined && !this.#isNewer(command, session)) break;
        // Forgotten first: what the engine keeps of it is the other node's from now on.
        if (session !== undefined) this.registry.moved(session);
        session?.current?.goodbye(replacedError());
        this.clientCalls.moved(command.session);
        break;
      }
      case 'claimed':
        this.registry.counted(command.session, command.generation);
        break;
      case 'alive':
        this.registry.get(command.session)?.current?.heard(command.isAnswer);
        break;
      case 'disconnect':
        this.#disconnectHere(command.target, RealtimeError.fromWire(command.error));
        break;
      case 'revoke':
        this.#revokeHere(command.channel, command.target, RealtimeError.fromWire(command.error));
        break;
      case 'call':
        if (this.registry.isHome(command.session)) {
          const { session, id, name, input, deadlineMs } = command;
          this.clientCalls.hold(session, id, name, input, deadlineMs);
        }
        break;
      case 'cancel':
        this.clientCalls.cancelled(command.session, command.id);
        break;
      case 'result':
        if (command.to === this.node)
          this.clientCalls.result(command.session, command.id, command.result, command.error);
        break;
    }
  }

  // What is told may be late: then the link here is the newer one. Two that came about at once are told apart by their nodes.
  #isNewer(moved: Extract<NodeCommand, { readonly kind: 'moved' }>, here: Session): boolean {
    if (moved.generation !== here.generation) return moved.generation > here.generation;
    return moved.node > this.node;
  }

  /** Ends sessions on all nodes: who is sent away does not come back by itself, and has a new session then. */
  async disconnect(target: SessionTarget, message: string): Promise<void> {
    const error = new RealtimeError('DISCONNECTED', message);
    this.#disconnectHere(target, error);
    if ('session' in target) await this.registry.end(target.session);
    // Also those that no node has at hand: they could still come back.
    else await this.settings.engine.endSessionsOf(target.user);
    await this.commands.tell({ kind: 'disconnect', target, error: error.toWire() });
  }

  #disconnectHere(target: SessionTarget, error: RealtimeError): void {
    // Also links that are about to become theirs.
    for (const link of this.links) {
      if (link.session === undefined) link.disconnected(target, error);
      else if (isMeant(link.session, target)) link.goodbye(error);
    }
    for (const session of this.registry.all()) {
      if (!isMeant(session, target)) continue;
      void this.registry.end(session.id).catch(() => {
        this.statistics.engineFailures++;
      });
    }
  }

  /** Takes subscriptions of a channel back, on all nodes. */
  async revoke(channel: string, target: SessionTarget, message: string): Promise<void> {
    const error = new RealtimeError('REVOKED', message);
    this.#revokeHere(channel, target, error);
    await this.commands.tell({ kind: 'revoke', channel, target, error: error.toWire() });
  }

  #revokeHere(channel: string, target: SessionTarget, error: RealtimeError): void {
    // Also of links whose hello is not answered yet, and of those whose rules are being asked.
    for (const link of this.links) {
      const { session } = link;
      if (session === undefined || !isMeant(session, target)) continue;
      const subscription = link.subscriptions.get(channel);
      if (subscription !== undefined) this.#subscriber.revoke(link, session, subscription, error);
      const asked = link.asking?.get(channel);
      if (asked !== undefined) asked.isDoubtful = true;
    }
  }

  /** Ends everything that the node holds. */
  async close(): Promise<void> {
    if (this.state === 'closed') return;
    this.state = 'closed';
    for (const link of this.links) link.goodbye(drainingError(), { retryable: true });
    this.#rooms.close();
    this.streams.close();
    this.commands.close();
    this.#requests.close(this.registry.all());
    this.calls.close();
    this.clientCalls.close();
    this.registry.close();
    try {
      await this.lease.leave();
    } catch {
      // The engine is away: the lease runs out by itself.
    }
    if (this.#ownsEngine) await this.settings.engine.close();
  }
}

/** Why links end when the server goes. */
export function drainingError(): RealtimeError {
  return new RealtimeError('DRAINING', 'the server is going away, expected to come back to another', {
    retryable: true,
  });
}

// What looks newer may be a connection that was given up long ago, and whose hello was late: whoever still lives comes back.
function replacedError(): RealtimeError {
  return new RealtimeError('SESSION_REPLACED', 'the session has a newer connection', { retryable: true });
}

function directOf({
  direct,
}: ContractDefinition): { format: PublicationFormat; events: readonly string[] } | undefined {
  if (direct === undefined) return undefined;
  const events = Object.keys(direct);
  const format = new PublicationFormat({
    events,
    meta: { user: false, at: false },
    isVolatile: false,
    mayJump: false,
    keyOf: ({ name }) => name,
    hasChanges: false,
  });
  return { events, format };
}
