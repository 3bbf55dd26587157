// One session's subscription of one channel: its publications, the keyed state where there is one, and who is there where that was
// asked for. Each is a stream of its own with its own place.

import type { RealtimeError } from '../wire/error-codes.ts';
import type { Subscribed, SubscribeWish, WireSubscribed } from '../wire/frames.ts';
import { readPosition, type WirePosition } from '../wire/stream-position.ts';
import type { ChannelDeclaration, FoundChannel } from './channel-declaration.ts';
import type { FollowerHome } from './follower.ts';
import { Follower } from './follower.ts';
import type { HubSettings } from './hub-options.ts';
import type { HubStatistics } from './hub-statistics.ts';
import type { NodeStreams } from './node-streams.ts';
import { PresenceCountFollower, type PresenceCounts } from './presence-counts.ts';
import { mapFormat } from './stream-frames.ts';
import type { FollowWish } from './stream-opening.ts';
import { VolatileFollower } from './volatile-follower.ts';

/** The stream of the keyed state of a channel. */
export function stateStream(channel: string): string {
  return `$state:${channel}`;
}

/** The stream of who is there. */
export function presenceStream(channel: string): string {
  return `$presence:${channel}`;
}

/** What subscriptions take from their node. */
export interface SubscriptionEnvironment {
  readonly settings: HubSettings;
  readonly streams: NodeStreams;
  readonly counts: PresenceCounts;
  readonly statistics: HubStatistics;
}

type AnyFollower = Follower | VolatileFollower;

/** A subscription, from its preparation to its end. */
export class Subscription {
  readonly channel: FoundChannel;
  /** What others may know of the session, as JSON; undefined: it is not there for others. */
  readonly member: string | undefined;
  readonly #environment: SubscriptionEnvironment;
  readonly #publications: AnyFollower;
  readonly #state: Follower | undefined;
  readonly #presence: Follower | PresenceCountFollower | undefined;
  readonly #wish: SubscribeWish;
  /** Why it was taken back before the client was told of it. */
  refusal: RealtimeError | undefined;
  #isOpen = false;
  #isEnded = false;

  constructor(
    channel: FoundChannel,
    home: FollowerHome,
    wish: SubscribeWish,
    member: string | undefined,
    environment: SubscriptionEnvironment,
  ) {
    this.channel = channel;
    this.member = member;
    this.#wish = wish;
    this.#environment = environment;
    const { name, declaration } = channel;
    const { streams, counts } = environment;
    this.#publications = this.#followPublications(name, declaration, home);
    const hasState = declaration.contract.state !== undefined;
    this.#state = hasState ? this.#followMap(stateStream(name), home) : undefined;
    if (member !== undefined) {
      this.#presence =
        declaration.presenceMode === 'counts'
          ? new PresenceCountFollower(counts.take(presenceStream(name), streams), home)
          : this.#followMap(presenceStream(name), home);
    }
  }

  /** The number by which frames name it. */
  get alias(): number {
    return this.#publications.stream.alias;
  }

  /** How many bytes are held for it while the link is full. */
  get heldBytes(): number {
    return this.#publications instanceof VolatileFollower ? this.#publications.heldBytes : 0;
  }

  #followPublications(
    name: string,
    { delivery, format, whenSlow, retention }: ChannelDeclaration,
    home: FollowerHome,
  ): AnyFollower {
    const { streams, settings } = this.#environment;
    const { clock, highWaterMarkBytes } = settings;
    const { rate, delta = false } = this.#wish;
    if (delivery === 'volatile') {
      const stream = streams.take(name, 'volatile', format);
      return new VolatileFollower(stream, home, {
        whenSlow: whenSlow === 'close' ? 'close' : 'drop',
        rate,
        clock,
        maxHeldBytes: highWaterMarkBytes,
      });
    }
    const stream = streams.take(name, 'log', format);
    return new Follower(stream, home, {
      whenSlow,
      rate,
      delta,
      clock,
      conflatedEntries: retention.maxEntries,
    });
  }

  #followMap(name: string, home: FollowerHome): Follower {
    const { streams, settings } = this.#environment;
    const stream = streams.take(name, 'map', mapFormat);
    return new Follower(stream, home, {
      whenSlow: 'conflate',
      rate: undefined,
      delta: false,
      clock: settings.clock,
      conflatedEntries: 0,
    });
  }

  /** Reads what it begins with. Rejects when the engine is away; then it has to be ended. */
  async prepare(): Promise<void> {
    const { position, statePosition, presencePosition, history = 0 } = this.#wish;
    const { maxHistory } = this.#environment.settings;
    await Promise.all([
      this.#publications.prepare({ ...wishOf(position), history: Math.min(history, maxHistory) }),
      this.#state?.prepare(wishOf(statePosition)),
      this.#presence?.prepare(wishOf(presencePosition)),
    ]);
  }

  /** Whether the client was told of it. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Says how it stands; `begin` has to follow in the same turn, behind the frame with this. */
  open(): Subscribed {
    this.#isOpen = true;
    const { declaration } = this.channel;
    const start = this.#publications.open();
    const { statistics } = this.#environment;
    if (start.recovered === true) statistics.recovered++;
    else if (start.recovered === false) statistics.notRecovered++;
    const presence = this.#presence?.open();
    return {
      ...start,
      delivery: declaration.delivery,
      events: declaration.events,
      ...(this.#state === undefined ? {} : { state: this.#state.open() }),
      ...(presence === undefined ? {} : { presence }),
    };
  }

  /** Sends what was missed, and goes live. */
  begin(): void {
    this.#publications.begin();
    this.#state?.begin();
    this.#presence?.begin();
  }

  /** Ends it, at whatever point it is. */
  end(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    const { streams, counts } = this.#environment;
    const maps = [this.#publications, this.#state, this.#presence];
    for (const follower of maps) {
      if (follower === undefined) continue;
      follower.end();
      if (follower instanceof PresenceCountFollower) counts.leave(follower.counter, streams);
      else streams.leave(follower.stream);
    }
  }
}

/** What became of a wish to subscribe. */
export type SubscribeOutcome =
  | { readonly ref: number; readonly subscription: Subscription }
  | { readonly ref: number; readonly error: RealtimeError };

/** The answer to a wish: a subscription is open from now on, unless it was taken back meanwhile. */
export function openOutcome(outcome: SubscribeOutcome): WireSubscribed {
  const { ref } = outcome;
  if ('error' in outcome) return [ref, null, outcome.error.toWire()];
  const { subscription } = outcome;
  const { refusal } = subscription;
  return refusal === undefined ? [ref, subscription.open()] : [ref, null, refusal.toWire()];
}

/** A place as a follower wishes it. */
export function wishOf(position: WirePosition | undefined): FollowWish {
  return { position: readPosition(position), history: 0 };
}
