// The server of the realtime layer as an application sees it: channels, calls, sessions and users, with the types of the contract.

import { describe, FullduplexError } from '../../base/errors.ts';
import type {
  CallInputOf,
  CallNames,
  CallOutputOf,
  CallsOf,
  ChannelNames,
  ChannelPatterns,
  Checked,
  ClientCallsOf,
  DirectOf,
  EventChecked,
  EventGiven,
  EventNames,
  EventsOf,
  Given,
  HandlerResult,
  ParamsOf,
  PresenceOf,
} from '../contract/contract-types.ts';
import type { ContractDefinition } from '../contract/contract.ts';
import { validate } from '../contract/validate.ts';
import type { ServerLink, ServerLinkEvents } from '../link/link.ts';
import { RealtimeError } from '../wire/error-codes.ts';
import type { ClientFrame, PublishResult, ServerFrame } from '../wire/frames.ts';
import type { CallContext } from './calls.ts';
import { type ChannelOptions, defaultRetention, type PublishContext } from './channel-declaration.ts';
import type { ClientCallOptions } from './client-calls.ts';
import { sessionStream, userStream } from './hello.ts';
import { HubChannel, type PublishOptions } from './hub-channel.ts';
import { HubCore } from './hub-core.ts';
import { drainHub, type HubDrainOptions, type HubDrainReport } from './hub-drain.ts';
import type { HubOptions, HubPlatform } from './hub-options.ts';
import { type HubInspection, inspectionOf } from './hub-inspection.ts';
import { snapshotOf } from './hub-snapshot.ts';
import type { HubSnapshot } from './hub-statistics.ts';
import type { LinkAcceptor, LinkPeer } from './link-acceptor.ts';
import type { PublishTarget } from './publish-target.ts';
import type { SessionView } from './session.ts';
import { type WebSocketEndpoint, webSocketEndpoint } from './web-socket-link.ts';
import { writeJson } from '../wire/json-codec.ts';

/** How a kind of channel behaves, with the types of its contract. */
export type DeclaredChannelOptions<
  C extends ContractDefinition,
  Pattern extends string,
  Data,
> = ChannelOptions<
  ParamsOf<C, Pattern>,
  Data,
  {
    [Event in EventNames<EventsOf<C, Pattern>>]: PublishContext<
      ParamsOf<C, Pattern>,
      Data,
      Event,
      EventChecked<EventsOf<C, Pattern>, Event>
    >;
  }[EventNames<EventsOf<C, Pattern>>],
  Checked<PresenceOf<C, Pattern>>
>;

/** A hub: the server of the realtime layer. */
export class Hub<C extends ContractDefinition, Data = undefined> implements LinkAcceptor {
  readonly #core: HubCore;

  /**
   * @param contract what server and clients share
   * @throws FullduplexError `WS_OPTION_INVALID`
   */
  constructor(contract: C, options: HubOptions<Data> = {}, platform: HubPlatform = {}) {
    this.#core = new HubCore(contract, options, platform);
  }

  /** The contract. */
  get contract(): ContractDefinition {
    return this.#core.contract;
  }

  /**
   * Declares a kind of channel: only now clients can follow channels of that kind.
   * @throws FullduplexError `WS_OPTION_INVALID`
   */
  channel<Pattern extends ChannelPatterns<C>>(
    pattern: Pattern,
    options: DeclaredChannelOptions<C, Pattern, Data>,
  ): void;
  /**
   * Gives a channel by its name.
   * @throws FullduplexError `WS_ARGUMENT_INVALID`
   */
  channel<Name extends ChannelNames<C>>(name: Name): HubChannel<C, Name>;
  channel(name: string, options?: object): unknown {
    if (options === undefined) return new HubChannel(name, this.#core);
    this.#core.declare(name, options);
    return undefined;
  }

  /**
   * Answers a call of clients. What it throws is `HANDLER_FAILED` for the caller, and told to `onError`; a RealtimeError
   * is told to the caller as it is.
   * @throws FullduplexError `WS_OPTION_INVALID`: the contract has no such call, or it has a handler already
   */
  call<Name extends CallNames<CallsOf<C>>>(
    name: Name,
    handler: (
      input: Checked<CallInputOf<CallsOf<C>, Name>>,
      context: CallContext<Data>,
    ) =>
      | HandlerResult<CallOutputOf<CallsOf<C>, Name>>
      | Promise<HandlerResult<CallOutputOf<CallsOf<C>, Name>>>,
  ): void;
  call(name: string, handler: (input: never, context: never) => unknown): void {
    const calls = this.#core.contract.calls ?? {};
    if (!Object.hasOwn(calls, name)) {
      throw new FullduplexError(
        'WS_OPTION_INVALID',
        `call ${describe(name)} is not in the contract, expected one of ${Object.keys(calls).join(', ') || 'none'}`,
      );
    }
    if (typeof handler !== 'function') {
      throw new FullduplexError(
        'WS_OPTION_INVALID',
        `the handler of ${describe(name)} is ${describe(handler)}, expected a function`,
      );
    }
    if (this.#core.calls.declare(name, calls[name], { handle: handler })) return;
    throw new FullduplexError(
      'WS_OPTION_INVALID',
      `call ${describe(name)} has a handler already, expected one`,
    );
  }

  /** A session by its id, on whichever node it is. */
  session(id: string): HubSession<C> {
    return new HubSession(id, this.#core);
  }

  /** All sessions of a user, on all nodes. */
  user(name: string): HubUser<C> {
    return new HubUser(name, this.#core);
  }

  /** The sessions that have a link to this node now. */
  get sessions(): Iterable<SessionView> {
    return this.#core.registry;
  }

  /** What those who have a key do over HTTP. */
  get publishTarget(): PublishTarget {
    const core = this.#core;
    return {
      publish: ({ channel, event, data, ...options }) =>
        requestedChannel(core, channel).publish(event, data, options),
      history: (channel, page) => requestedChannel(core, channel).history(page),
      presence: (channel) => requestedChannel(core, channel).presence(),
      disconnect: async ({ user, session }) => {
        if (session !== undefined) await core.disconnect({ session }, 'the server has ended the session');
        if (user !== undefined)
          await core.disconnect({ user }, 'the server has ended the sessions of the user');
      },
    };
  }

  /** What `server.endpoint(path, options, handlers)` takes to bring WebSockets to this hub. */
  webSocket(): WebSocketEndpoint {
    return webSocketEndpoint(this, this.#core.settings);
  }

  accept(link: ServerLink, peer: LinkPeer): ServerLinkEvents {
    return this.#core.accept(link, peer);
  }

  upstream(
    session: readonly [id: string, secret: string],
    frames: readonly ClientFrame[],
    peer: LinkPeer,
    signal: AbortSignal,
  ): Promise<readonly ServerFrame[]> {
    return this.#core.upstream(session, frames, peer, signal);
  }

  /**
   * Lets nobody in any more, and sends the sessions to come back elsewhere, one after the other; then waits for calls
   * that run. `close` has to follow.
   * @throws (as a rejection) FullduplexError `WS_OPTION_INVALID`
   */
  async drain(options: HubDrainOptions = {}): Promise<HubDrainReport> {
    const core = this.#core;
    if (core.state === 'open') core.state = 'draining';
    const { settings, links, calls } = core;
    return await drainHub({ clock: settings.clock, links, calls }, options);
  }

  /** Ends all links and lets go of everything. An engine that was given lives on. */
  close(): Promise<void> {
    return this.#core.close();
  }

  /** The hub as plain values at this moment. */
  snapshot(): HubSnapshot {
    return snapshotOf(this.#core);
  }

  /**
   * The hub for somebody who looks into it: the snapshot, and the channels and sessions of this node that have most. Looks at all of
   * them once.
   * @param limit how many of each, at most @defaultValue 100
   */
  inspect(limit = 100): HubInspection {
    return inspectionOf(this.#core, limit);
  }

  /** What JSON.stringify writes: `snapshot()`. */
  toJSON(): HubSnapshot {
    return this.snapshot();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

// Whoever asks over HTTP may name anything: what is no channel is theirs to hear, not an error of this program.
function requestedChannel(core: HubCore, name: string): UntypedChannel {
  try {
    return new HubChannel(name, core);
  } catch (error) {
    throw new RealtimeError('UNKNOWN_CHANNEL', error instanceof Error ? error.message : String(error));
  }
}

interface UntypedChannel {
  publish(event: string, data: unknown, options: PublishOptions): Promise<PublishResult>;
  history(page: { readonly before?: number; readonly count: number }): Promise<unknown>;
  presence(): Promise<unknown>;
}

async function publishDirect(
  core: HubCore,
  stream: string,
  event: string,
  data: unknown,
): Promise<PublishResult> {
  const { direct } = core.contract;
  if (direct === undefined || !Object.hasOwn(direct, event)) {
    throw new RealtimeError(
      'UNKNOWN_EVENT',
      `event ${describe(event)} is no direct event of the contract: ${Object.keys(direct ?? {}).join(', ') || 'there are none'}`,
    );
  }
  const checked: unknown = await validate(direct[event], data, 'data');
  core.statistics.publications++;
  const { position } = await core.settings.engine.append(stream, {
    name: event,
    data: writeJson(checked),
    retention: defaultRetention,
  });
  return { offset: position.offset };
}

/** One session, wherever it is. */
export class HubSession<C extends ContractDefinition> {
  /** Its id. */
  readonly id: string;
  readonly #core: HubCore;

  constructor(id: string, core: HubCore) {
    this.id = id;
    this.#core = core;
  }

  /**
   * Sends a direct event to this session alone; one that is away gets it when it comes back in time.
   * @throws (as a rejection) RealtimeError `UNKNOWN_EVENT`, `BAD_DATA`, `UNAVAILABLE`
   */
  publish<Event extends EventNames<DirectOf<C>>>(
    event: Event,
    data: EventGiven<DirectOf<C>, Event>,
  ): Promise<PublishResult> {
    return publishDirect(this.#core, sessionStream(this.id), event, data);
  }

  /**
   * Calls what the client offers. One that is away is waited for.
   * @throws (as a rejection) RealtimeError: what the client answered, `DEADLINE_EXCEEDED`, `CANCELLED`, `OUTCOME_UNKNOWN`: the client lost its
   * connection and nobody knows how far the call came; `BAD_DATA`
   */
  call<Name extends CallNames<ClientCallsOf<C>>>(
    name: Name,
    input: Given<CallInputOf<ClientCallsOf<C>, Name>>,
    options?: ClientCallOptions,
  ): Promise<Checked<CallOutputOf<ClientCallsOf<C>, Name>>>;
  async call(name: string, input: unknown, options: ClientCallOptions = {}): Promise<unknown> {
    const calls = this.#core.contract.clientCalls ?? {};
    if (!Object.hasOwn(calls, name)) {
      throw new RealtimeError(
        'UNKNOWN_CALL',
        `call ${describe(name)} is not one that clients answer: ${Object.keys(calls).join(', ')}`,
      );
    }
    const contract = calls[name];
    const checked: unknown = await validate(contract.input, input, 'input');
    const output = await this.#core.clientCalls.call(this.id, name, checked, options);
    return await validate(contract.output, output, 'output');
  }

  /** Sends it away for good: the client does not come back by itself. */
  disconnect(message = 'the server has ended the session'): Promise<void> {
    return this.#core.disconnect({ session: this.id }, message);
  }
}

/** All sessions of a user. */
export class HubUser<C extends ContractDefinition> {
  /** The user. */
  readonly name: string;
  readonly #core: HubCore;

  constructor(name: string, core: HubCore) {
    this.name = name;
    this.#core = core;
  }

  /** Sends a direct event to all sessions of the user; as `HubSession.publish`. */
  publish<Event extends EventNames<DirectOf<C>>>(
    event: Event,
    data: EventGiven<DirectOf<C>, Event>,
  ): Promise<PublishResult> {
    return publishDirect(this.#core, userStream(this.name), event, data);
  }

  /** Sends all sessions of the user away for good. */
  disconnect(message = 'the server has ended the sessions of the user'): Promise<void> {
    return this.#core.disconnect({ user: this.name }, message);
  }
}
