// One channel as the server uses it: publishing, its keyed state, its history, and who is there.

import { describe, FullduplexError } from '../../base/errors.ts';
import type {
  Checked,
  EventGiven,
  EventNames,
  EventsOf,
  Given,
  PresenceOf,
  StateOf,
} from '../contract/contract-types.ts';
import type { ContractDefinition } from '../contract/contract.ts';
import { validate } from '../contract/validate.ts';
import { channelNameProblem } from '../wire/channel-pattern.ts';
import { RealtimeError } from '../wire/error-codes.ts';
import type { PublishResult } from '../wire/frames.ts';
import { ChannelDeclaration, type FoundChannel } from './channel-declaration.ts';
import type { HubCore } from './hub-core.ts';
import type { SessionTarget } from './node-commands.ts';
import { presenceStream, stateStream } from './subscription.ts';
import { unknownAppend } from './unknown-append.ts';
import { readJson, writeJson } from '../wire/json-codec.ts';

/** How the server publishes. */
export interface PublishOptions {
  /** A session that does not get it. */
  readonly exceptSession?: string;
  /** Who is said to have published it. */
  readonly user?: string;
  /** The same key on the channel, within the hub's window, publishes once. */
  readonly idempotencyKey?: string;
}

/** A publication as the server reads it. */
export interface HistoryPublication {
  readonly offset: number;
  readonly event: string;
  readonly data: unknown;
  readonly user: string | undefined;
  /** When, in milliseconds since 1970. */
  readonly at: number;
}

/** Somebody who is there. */
export interface PresentMember<Info> {
  readonly user: string | undefined;
  /** The id of the session. */
  readonly session: string;
  readonly info: Info;
}

/** A channel. */
export class HubChannel<C extends ContractDefinition, Name extends string> {
  /** Its name. */
  readonly name: string;
  readonly #core: HubCore;

  /** @throws FullduplexError `WS_ARGUMENT_INVALID`: no name of a channel, or of no kind in the contract */
  constructor(name: string, core: HubCore) {
    this.name = name;
    this.#core = core;
    const problem = channelNameProblem(name);
    if (problem !== undefined) throw new FullduplexError('WS_ARGUMENT_INVALID', problem);
    this.#find();
  }

  // What is not declared yet behaves as by default: clients cannot reach it, the server can.
  #find(): FoundChannel {
    const { declarations, contract } = this.#core;
    const found = declarations.find(this.name);
    if (found !== undefined) return found;
    for (const [pattern, channel] of Object.entries(contract.channels ?? {})) {
      const declaration = new ChannelDeclaration(pattern, channel, {});
      const params = declaration.pattern.match(this.name);
      if (params !== undefined) return { name: this.name, declaration, params };
    }
    throw new FullduplexError(
      'WS_ARGUMENT_INVALID',
      `channel ${describe(this.name)} is of no kind in the contract: ${Object.keys(contract.channels ?? {}).join(', ')}`,
    );
  }

  /**
   * Publishes an event to everybody who follows the channel, on all nodes.
   * @returns its place in the channel; a volatile channel has none
   * @throws (as a rejection) RealtimeError `UNKNOWN_EVENT`, `BAD_DATA`; while the engine is away `OUTCOME_UNKNOWN`, or with an
   * `idempotencyKey`, with which it can be tried again, `UNAVAILABLE`
   */
  async publish<Event extends EventNames<EventsOf<C, Name>>>(
    event: Event,
    data: EventGiven<EventsOf<C, Name>, Event>,
    options: PublishOptions = {},
  ): Promise<PublishResult> {
    const { declaration } = this.#find();
    const { events } = declaration.contract;
    if (events === undefined || !Object.hasOwn(events, event)) {
      throw new RealtimeError(
        'UNKNOWN_EVENT',
        `event ${describe(event)} is not one of channel ${describe(this.name)}: ${declaration.events.join(', ')}`,
      );
    }
    const validated = validate(events[event], data, 'data');
    const checked: unknown = validated instanceof Promise ? await validated : validated;
    const { engine, idempotencyWindowMs } = this.#core.settings;
    const { exceptSession, user, idempotencyKey } = options;
    const common = {
      name: event,
      data: writeJson(checked),
      ...(user === undefined ? {} : { user }),
      ...(exceptSession === undefined ? {} : { exceptSession }),
    };
    this.#core.statistics.publications++;
    if (declaration.delivery === 'volatile') {
      await engine.broadcast(this.name, common);
      return {};
    }
    const appended = engine.append(this.name, {
      ...common,
      retention: declaration.retention,
      ...(idempotencyKey === undefined
        ? {}
        : { idempotency: { key: `$/${idempotencyKey}`, windowMs: idempotencyWindowMs } }),
    });
    const { position } = await appended.catch((error: unknown) => {
      throw idempotencyKey === undefined ? unknownAppend(error) : error;
    });
    return { offset: position.offset };
  }

  /**
   * Sets a value of the keyed state.
   * @throws (as a rejection) RealtimeError `BAD_DATA`, `UNAVAILABLE`
   */
  async set(key: string, value: Given<StateOf<C, Name>>): Promise<void> {
    const { declaration } = this.#find();
    const { state } = declaration.contract;
    if (state === undefined)
      throw new RealtimeError('BAD_DATA', `channel ${describe(this.name)} has no state in the contract`);
    const checked: unknown = await validate(state, value, 'value');
    await this.#core.settings.engine.change(
      stateStream(this.name),
      [{ key, value: writeJson(checked) }],
      declaration.retention,
    );
  }

  /** Removes a value of the keyed state. */
  async delete(key: string): Promise<void> {
    const { declaration } = this.#find();
    await this.#core.settings.engine.change(
      stateStream(this.name),
      [{ key, value: null }],
      declaration.retention,
    );
  }

  /** The whole keyed state, as it was written. */
  async state(): Promise<ReadonlyMap<string, unknown>> {
    const { entries } = await this.#core.settings.engine.map(stateStream(this.name));
    return new Map(entries.map(({ key, value }) => [key, readJson(value)]));
  }

  /** A page of what was published, oldest first. */
  async history({
    before,
    count,
  }: {
    /** The offset before which it ends. @defaultValue the end */
    readonly before?: number;
    readonly count: number;
  }): Promise<readonly HistoryPublication[]> {
    const { entries } = await this.#core.settings.engine.history(this.name, before, count);
    return entries.map(({ offset, name, data, user, atMs }) => ({
      offset,
      event: name,
      data: readJson(data),
      user,
      at: atMs,
    }));
  }

  /**
   * Who is there.
   * @returns all of them, or their number where the channel counts only
   */
  presence(): Promise<{
    readonly count: number;
    readonly members: readonly PresentMember<Checked<PresenceOf<C, Name>>>[];
  }>;
  // What the map holds was checked by the schema when it was put there.
  async presence(): Promise<{ readonly count: number; readonly members: unknown }> {
    const { declaration } = this.#find();
    const { entries } = await this.#core.settings.engine.map(presenceStream(this.name));
    if (declaration.presenceMode === 'counts') {
      return { count: entries.reduce((sum, { value }) => sum + Number(value), 0), members: [] };
    }
    const members = entries.map(({ key, value }) => memberOf(key, readJson(value)));
    return { count: members.length, members };
  }

  /**
   * Takes the subscriptions of a session, or of all sessions of a user, back: they get nothing more of the channel. That they do not
   * subscribe again is the work of the rule.
   */
  revoke(target: SessionTarget, message = 'the server has taken the subscription back'): Promise<void> {
    return this.#core.revoke(this.name, target, message);
  }
}

// Keys are `user/session`, and a session's id has no slash.
function memberOf(key: string, member: unknown): PresentMember<unknown> {
  const known = typeof member === 'object' && member !== null ? member : {};
  return {
    user: 'user' in known && typeof known.user === 'string' ? known.user : undefined,
    session: key.slice(key.lastIndexOf('/') + 1),
    info: 'info' in known ? known.info : undefined,
  };
}
