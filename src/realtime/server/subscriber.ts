// Subscribes sessions to channels, with the hello or later, and ends what they have: because they say so, because a rule now says
// no, or because the application takes it back.

import { describe } from '../../base/errors.ts';
import { RealtimeError } from '../wire/error-codes.ts';
import { FrameType, type SubscribeWish } from '../wire/frames.ts';
import type { AllowedSubscription, ChannelAccess } from './channel-access.ts';
import type { PresenceRooms } from './presence-rooms.ts';
import type { Session } from './session.ts';
import type { AskedChannel } from './link-home.ts';
import type { SessionLink } from './session-link.ts';
import {
  openOutcome,
  Subscription,
  type SubscribeOutcome,
  type SubscriptionEnvironment,
} from './subscription.ts';
import { writeJson } from '../wire/json-codec.ts';

/** What subscribing takes from the hub. */
export interface SubscriberEnvironment extends SubscriptionEnvironment {
  readonly access: ChannelAccess;
  readonly rooms: PresenceRooms;
}

/** Where somebody stands in presence maps: their user, and which of the user's sessions. */
export function memberKey({ user, id }: Session): string {
  return `${user ?? ''}/${id}`;
}

/** Makes and ends subscriptions. */
export class Subscriber {
  readonly #environment: SubscriberEnvironment;

  constructor(environment: SubscriberEnvironment) {
    this.#environment = environment;
  }

  /** Answers a subscription that comes by itself; never rejects. */
  async subscribe(
    link: SessionLink,
    session: Session,
    ref: number,
    channel: string,
    wish: SubscribeWish,
  ): Promise<void> {
    const outcome = await this.prepare(link, session, ref, channel, wish);
    if (link.isEnded) return;
    link.send(`[${FrameType.subscribe},${writeJson(openOutcome(outcome)).slice(1)}`);
    if ('subscription' in outcome && !link.isEnded) this.begin(link, session, outcome.subscription);
  }

  /** Asks the rules and reads what the subscription begins with; never rejects. */
  async prepare(
    link: SessionLink,
    session: Session,
    ref: number,
    name: string,
    wish: SubscribeWish,
  ): Promise<SubscribeOutcome> {
    const { access } = this.#environment;
    const asked: AskedChannel = { isDoubtful: false };
    let subscription: Subscription | undefined;
    try {
      this.#requireRoom(link, name);
      link.asking ??= new Map();
      link.asking.set(name, asked);
      let allowed: AllowedSubscription;
      do {
        asked.isDoubtful = false;
        allowed = await access.subscription(session, name, wish);
      } while (asked.isDoubtful && !link.isEnded);
      endAsking(link, name);
      if (link.isEnded) return { ref, error: new RealtimeError('CLOSED', 'the link is gone') };
      subscription = new Subscription(allowed.channel, link, wish, allowed.member, this.#environment);
      // From here on it ends with the link.
      link.subscriptions.set(name, subscription);
      await subscription.prepare();
      return { ref, subscription };
    } catch (error) {
      if (link.asking?.get(name) === asked) endAsking(link, name);
      if (subscription !== undefined) {
        subscription.end();
        if (link.subscriptions.get(name) === subscription) link.subscriptions.delete(name);
      }
      return { ref, error: this.#errorOf(error) };
    }
  }

  // Before the rules are asked: who wishes for more than is allowed must not cost the application anything.
  #requireRoom({ subscriptions, asking }: SessionLink, name: string): void {
    const { maxSubscriptions } = this.#environment.settings;
    if (subscriptions.has(name) || asking?.has(name) === true) {
      throw new RealtimeError(
        'BAD_FRAME',
        `channel ${describe(name)} is subscribed already, expected one subscription`,
      );
    }
    if (subscriptions.size + (asking?.size ?? 0) >= maxSubscriptions)
      throw new RealtimeError('TOO_MANY', `more than ${maxSubscriptions} subscriptions of one session`);
  }

  #errorOf(error: unknown): RealtimeError {
    const { settings, statistics } = this.#environment;
    if (error instanceof RealtimeError) {
      if (error.code === 'UNAVAILABLE') statistics.engineFailures++;
      return error;
    }
    settings.onError(error);
    return new RealtimeError('UNAVAILABLE', 'the server failed to subscribe', { retryable: true });
  }

  /** Sends what was missed, and lets the others know who is there. */
  begin(link: SessionLink, session: Session, subscription: Subscription): void {
    const { rooms, settings } = this.#environment;
    const { channel, member } = subscription;
    if (subscription.refusal !== undefined) return;
    subscription.begin();
    if (link.isEnded) return;
    if (member !== undefined) rooms.join(channel, memberKey(session), member);
    settings.probe?.subscribed(session, channel.name);
  }

  /** A client wants no more. */
  unsubscribe(link: SessionLink, session: Session, alias: number): void {
    // One that was revoked a moment ago is no mistake of the client.
    for (const subscription of link.subscriptions.values()) {
      if (subscription.isOpen && subscription.alias === alias) this.#end(link, session, subscription);
    }
  }

  /** Takes a subscription back. */
  revoke(link: SessionLink, session: Session, subscription: Subscription, error: RealtimeError): void {
    if (subscription.isOpen)
      link.send(`[${FrameType.revoked},${subscription.alias},${writeJson(error.toWire())}]`);
    // Else the client is told instead of the answer that it waits for.
    else subscription.refusal = error;
    this.#end(link, session, subscription);
  }

  #end(link: SessionLink, session: Session, subscription: Subscription): void {
    const { rooms, settings } = this.#environment;
    const { channel, member } = subscription;
    subscription.end();
    link.subscriptions.delete(channel.name);
    if (member !== undefined) rooms.leave(channel.name, memberKey(session), 0);
    settings.probe?.unsubscribed(session, channel.name);
  }

  /** A link is gone: whoever does not come back in time is no longer there. */
  linkEnded(link: SessionLink, session: Session): void {
    const { rooms } = this.#environment;
    for (const { channel, member } of link.subscriptions.values()) {
      if (member !== undefined)
        rooms.leave(channel.name, memberKey(session), channel.declaration.presenceGraceMs);
    }
  }

  /** The session is somebody with other rights now: asks all rules again, and takes back what they refuse. */
  async askAgain(link: SessionLink, session: Session): Promise<void> {
    const { access } = this.#environment;
    for (const asked of link.asking?.values() ?? []) asked.isDoubtful = true;
    await Promise.all(
      [...link.subscriptions.values()].map(async (subscription) => {
        const { channel, member } = subscription;
        try {
          await access.requireSubscribe(session, channel);
          if (member !== undefined) await access.requirePresence(session, channel, member);
        } catch (error) {
          if (link.subscriptions.get(channel.name) === subscription)
            this.revoke(link, session, subscription, revokedBecause(this.#errorOf(error)));
        }
      }),
    );
  }
}

function revokedBecause(error: RealtimeError): RealtimeError {
  return new RealtimeError('REVOKED', error.message, { retryable: error.retryable });
}

// Most links ask once, at their beginning: nothing stays of that.
function endAsking(link: SessionLink, name: string): void {
  link.asking?.delete(name);
  if (link.asking?.size === 0) link.asking = undefined;
}
