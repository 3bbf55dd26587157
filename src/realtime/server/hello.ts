// Answers hellos: who is it, which session is it, what may it follow. Everything is looked up at once; then, in one turn, the link
// becomes the session's, the welcome is sent, and what was missed follows it.

import { describe } from '../../base/errors.ts';
import { areVersionsCompatible } from '../contract/contract.ts';
import { RealtimeError } from '../wire/error-codes.ts';
import { FrameType, type Hello, protocolVersion, type Subscribed, type Welcome } from '../wire/frames.ts';
import type { WirePosition } from '../wire/stream-position.ts';
import type { ChannelAccess } from './channel-access.ts';
import { Follower } from './follower.ts';
import type { HubSettings } from './hub-options.ts';
import type { HubStatistics } from './hub-statistics.ts';
import type { LinkPeer } from './link-acceptor.ts';
import type { NodeStreams } from './node-streams.ts';
import type { Identity, Session } from './session.ts';
import { type SessionLink, tokenExpired } from './session-link.ts';
import type { SessionRegistry } from './session-registry.ts';
import { hashSecret, isSameText, newSecret, newSessionId } from './session-secret.ts';
import { defaultRetention } from './channel-declaration.ts';
import type { PublicationFormat } from './stream-frames.ts';
import type { Subscriber } from './subscriber.ts';
import { openOutcome, type SubscribeOutcome, wishOf } from './subscription.ts';
import { writeJson } from '../wire/json-codec.ts';

/** What answering hellos takes from the hub. */
export interface GreetingEnvironment {
  readonly settings: HubSettings;
  readonly statistics: HubStatistics;
  readonly contractVersion: string;
  /** How direct events are written; undefined: the contract has none. */
  readonly direct: { readonly format: PublicationFormat; readonly events: readonly string[] } | undefined;
  readonly access: ChannelAccess;
  readonly streams: NodeStreams;
  readonly registry: SessionRegistry;
  readonly subscriber: Subscriber;
  /** Resolves when this node hears of the others. */
  ready(): Promise<void>;
  /** The session has this link from now on. */
  connected(link: SessionLink, session: Session, isResumed: boolean): void;
  /** A hello has taken the session up, and nothing came of it. */
  claimed(session: Session): void;
  /** The welcome was sent. */
  welcomed(session: Session): void;
}

interface FoundSession {
  readonly session: Session;
  readonly secret: string;
  readonly isResumed: boolean;
  /** Whether this node did not have it at hand before. */
  readonly isNewHere: boolean;
}

interface OwnStream {
  readonly name: 'session' | 'user';
  readonly follower: Follower;
  readonly events: readonly string[];
}

/** The stream of what is sent to one session. */
export function sessionStream(id: string): string {
  return `$session:${id}`;
}

/** The stream of what is sent to one user. */
export function userStream(user: string): string {
  return `$user:${user}`;
}

/** Answers hellos, each once. */
export class Greeting {
  readonly #environment: GreetingEnvironment;

  constructor(environment: GreetingEnvironment) {
    this.#environment = environment;
  }

  /** Answers one; never rejects. */
  async answer(link: SessionLink, hello: Hello, peer: LinkPeer): Promise<void> {
    const { settings, statistics } = this.#environment;
    try {
      await this.#answer(link, hello, peer);
    } catch (error) {
      if (error instanceof RealtimeError) {
        if (error.code === 'UNAVAILABLE') statistics.engineFailures++;
        link.goodbye(error);
        return;
      }
      settings.onError(error);
      link.goodbye(
        new RealtimeError('UNAVAILABLE', 'the server failed to answer a hello', { retryable: true }),
      );
    }
  }

  async #answer(link: SessionLink, hello: Hello, peer: LinkPeer): Promise<void> {
    const { contractVersion, registry, subscriber } = this.#environment;
    if (hello.v !== protocolVersion) {
      throw new RealtimeError(
        'PROTOCOL_INCOMPATIBLE',
        `version ${hello.v} of the protocol, expected ${protocolVersion}`,
      );
    }
    if (!areVersionsCompatible(contractVersion, hello.contract)) {
      throw new RealtimeError(
        'CONTRACT_INCOMPATIBLE',
        `version ${describe(hello.contract)} of the contract, expected one that goes with ${describe(contractVersion)}`,
      );
    }
    // First: whoever is sent away while this is asked must be heard of.
    await this.#environment.ready();
    const identity = await this.identify(hello.token, peer, link.signal);
    if (link.isEnded) return;
    const found = await this.#findSession(hello, identity);
    if (link.isEnded) {
      this.#leave(found);
      return;
    }
    const { session } = found;
    const refusal = link.whyNot(session);
    if (refusal !== undefined) throw refusal;
    link.session = session;
    const [outcomes, own] = await Promise.all([
      Promise.all(
        (hello.subs ?? []).map(([ref, channel, wish = {}]) =>
          subscriber.prepare(link, session, ref, channel, wish),
        ),
      ),
      this.#prepareOwn(link, session, hello),
      registry.keep(session),
    ]).catch((error: unknown) => {
      for (const subscription of link.subscriptions.values()) subscription.end();
      if (found.isResumed) this.#giveBack(found);
      throw error;
    });
    if (!link.isEnded) this.#welcome(link, found, outcomes, own);
    else if (found.isResumed) this.#giveBack(found);
    // A session that nobody was told of is not kept.
    else await registry.end(session.id);
  }

  // What this node does not have at hand, it asks the others for.
  #leave({ session, isNewHere }: FoundSession): void {
    if (isNewHere) this.#environment.registry.forget(session);
  }

  // It may have its link on another node still, as when this hello was late.
  #giveBack(found: FoundSession): void {
    this.#leave(found);
    this.#environment.claimed(found.session);
  }

  /**
   * Asks who somebody is.
   * @throws (as a rejection) RealtimeError `UNAUTHENTICATED`, `TOKEN_EXPIRED`, or what `authenticate` threw
   */
  async identify(
    token: string | undefined,
    peer: LinkPeer | undefined,
    signal: AbortSignal,
  ): Promise<Identity> {
    const { authenticate, timeOfDay } = this.#environment.settings;
    if (authenticate === undefined) return { user: undefined, expiresAtMs: undefined, data: undefined };
    const found = await authenticate({ token, peer, signal });
    if (found === undefined) {
      throw new RealtimeError(
        'UNAUTHENTICATED',
        'the token was refused, expected one that this server knows',
      );
    }
    const { user, expiresAt, data } = found;
    if (expiresAt !== undefined && expiresAt <= timeOfDay()) throw tokenExpired();
    return { user, expiresAtMs: expiresAt, data };
  }

  // Whoever names a session has to know its secret and be its user; else it gets a new one, and does not learn which of them was wrong.
  async #findSession(hello: Hello, identity: Identity): Promise<FoundSession> {
    const { registry, settings } = this.#environment;
    if (hello.session !== undefined) {
      const [id, secret] = hello.session;
      // Also of one that is at hand here: it may have had a link on another node meanwhile, or have been ended there.
      const [secretHash, known] = await Promise.all([hashSecret(secret), settings.engine.session(id)]);
      if (known !== undefined && isSameText(known.secretHash, secretHash) && known.user === identity.user) {
        const isNewHere = registry.get(id) === undefined;
        const session = registry.obtain(id, secretHash, identity);
        session.generation = Math.max(session.generation, known.generation ?? 0) + 1;
        return { session, secret, isResumed: true, isNewHere };
      }
    }
    const secret = newSecret(settings.random);
    const id = newSessionId(settings.random);
    const session = registry.obtain(id, await hashSecret(secret), identity);
    return { session, secret, isResumed: false, isNewHere: true };
  }

  async #prepareOwn(link: SessionLink, session: Session, { own }: Hello): Promise<readonly OwnStream[]> {
    const { direct, streams, settings } = this.#environment;
    if (direct === undefined) return [];
    const prepared: OwnStream[] = [];
    const prepare = async (
      name: 'session' | 'user',
      streamName: string,
      position: WirePosition | undefined,
    ): Promise<void> => {
      const stream = streams.take(streamName, 'log', direct.format);
      const follower = new Follower(stream, link, {
        whenSlow: 'recover',
        rate: undefined,
        delta: false,
        clock: settings.clock,
        conflatedEntries: defaultRetention.maxEntries,
      });
      link.owns({
        end: () => {
          follower.end();
          streams.leave(stream);
        },
      });
      prepared.push({ name, follower, events: direct.events });
      await follower.prepare(wishOf(position));
    };
    const { id, user } = session;
    await Promise.all([
      prepare('session', sessionStream(id), own?.session),
      user === undefined ? undefined : prepare('user', userStream(user), own?.user),
    ]);
    return prepared;
  }

  #welcome(
    link: SessionLink,
    { session, secret, isResumed }: FoundSession,
    outcomes: readonly SubscribeOutcome[],
    own: readonly OwnStream[],
  ): void {
    const { settings, contractVersion, statistics, subscriber } = this.#environment;
    this.#environment.connected(link, session, isResumed);
    if (isResumed) statistics.sessionsResumed++;
    else statistics.sessionsBegun++;
    const welcome: Welcome = {
      v: protocolVersion,
      session: [session.id, secret],
      resumed: isResumed,
      ...(session.user === undefined ? {} : { user: session.user }),
      pingMs: settings.heartbeatMs,
      maxBytes: settings.maxFrameBytes,
      againMs: againMsOf(settings),
      contract: contractVersion,
      subs: outcomes.map(openOutcome),
      ...ownStarts(own),
    };
    link.send(`[${FrameType.hello},${writeJson(welcome)}]`);
    for (const outcome of outcomes)
      if ('subscription' in outcome) subscriber.begin(link, session, outcome.subscription);
    for (const { follower } of own) follower.begin();
    link.opened(session);
    this.#environment.welcomed(session);
  }
}

// A request is known for its whole window from its first arrival on; one that is sent again arrives, at the latest, when its link would
// be dead otherwise.
function againMsOf({ idempotencyWindowMs, heartbeatMs, heartbeatTimeoutMs }: HubSettings): number {
  return Math.max(idempotencyWindowMs / 2, idempotencyWindowMs - heartbeatMs - heartbeatTimeoutMs);
}

function ownStarts(own: readonly OwnStream[]): Pick<Welcome, 'own'> {
  let session: Subscribed | undefined;
  let user: Subscribed | undefined;
  for (const { name, follower, events } of own) {
    const subscribed: Subscribed = { ...follower.open(), delivery: 'log', events };
    if (name === 'session') session = subscribed;
    else user = subscribed;
  }
  return session === undefined ? {} : { own: { session, ...(user === undefined ? {} : { user }) } };
}
