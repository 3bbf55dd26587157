// What a contract makes of a client in types: the names of its channels, what is published there, what is called.

import type { ContractDefinition } from '../contract/contract.ts';
import type {
  CallArguments,
  CallInputOf,
  CallNames,
  CallOutputOf,
  CallsOf,
  ChannelNames,
  ClientCallsOf,
  DirectOf,
  EventGiven,
  EventNames,
  EventReceived,
  EventsOf,
  Given,
  PresenceOf,
  Received,
  StateOf,
} from '../contract/contract-types.ts';
import type { LinkKind } from '../link/link.ts';
import type { RealtimeError } from '../wire/error-codes.ts';
import type { HistoryRequest, PublishResult } from '../wire/frames.ts';
import type { ChannelOptions, ChannelStatus, RequestSettings } from './channel.ts';
import type { CallSettings } from './client.ts';
import type { ConnectionState } from './connector.ts';
import type { Gap } from './event-stream.ts';
import type { Publication } from './publication.ts';
import type { ServerCallContext } from './server-calls.ts';

/** Removes what was added; harmless when it is gone already. */
export type Remove = () => void;

/** A keyed map that follows that of the server. */
export interface SyncedMap<Value> extends ReadonlyMap<string, Value> {
  /**
   * Hears of changes.
   * @param listener gets the key and its new value (undefined: it is gone), or nothing when the map was replaced as a whole
   */
  on(event: 'change', listener: (key?: string, value?: Value) => void): Remove;
}

/** Somebody who is there, over one connection. */
export interface Member<Info> {
  /** Undefined: nobody in particular. */
  readonly user?: string;
  readonly info?: Info;
}

/** Who is in a channel; empty unless it was opened with `presence`. */
export interface Presence<Info> {
  /** By connection, so one user may be there several times; empty where the channel tells the number only. */
  readonly members: SyncedMap<Member<Info>>;
  /** How many connections are there. */
  readonly count: number;
  on(event: 'change', listener: (key?: string, member?: Member<Info>) => void): Remove;
}

/** What arrives in a channel, told apart by `event`. */
export type PublicationOf<C extends ContractDefinition, Name extends string> = {
  [Event in EventNames<EventsOf<C, Name>>]: Publication<Event, EventReceived<EventsOf<C, Name>, Event>>;
}[EventNames<EventsOf<C, Name>>];

/** A channel of a client. Iterating over it gives what is published from then on; a loop that is too slow for a `log` channel makes it read on from the server's history later, its listeners included; of others it gets what they keep. */
export interface Channel<C extends ContractDefinition, Name extends string>
  extends AsyncIterable<PublicationOf<C, Name>> {
  readonly name: Name;
  readonly status: ChannelStatus;
  /** The keyed map of the channel. */
  readonly state: SyncedMap<Received<StateOf<C, Name>>>;
  readonly presence: Presence<Received<PresenceOf<C, Name>>>;
  /** Hears what is published under an event. Add listeners in the turn in which the channel is opened, and nothing is missed. */
  on<Event extends EventNames<EventsOf<C, Name>>>(
    event: Event,
    listener: (
      data: EventReceived<EventsOf<C, Name>, Event>,
      publication: Publication<Event, EventReceived<EventsOf<C, Name>, Event>>,
    ) => void,
  ): Remove;
  /** Hears that something was missed which cannot be recovered: load what you show anew. */
  on(event: 'gap', listener: (gap: Gap) => void): Remove;
  /** Hears how many publications were left out by the rule of the channel, because this client was too slow or wants fewer. */
  on(event: 'skipped', listener: (skipped: { readonly count: number }) => void): Remove;
  /** Hears how the channel stands, and why when it is refused. */
  on(event: 'status', listener: (status: ChannelStatus, error?: RealtimeError) => void): Remove;
  /**
   * Publishes, once: it is sent again over the next connection when this one is lost before the answer.
   * @returns its place; rejects with a RealtimeError. Whoever does not look at the promise need not handle its rejection.
   */
  publish<Event extends EventNames<EventsOf<C, Name>>>(
    event: Event,
    data: EventGiven<EventsOf<C, Name>, Event>,
    settings?: RequestSettings,
  ): Promise<PublishResult>;
  /** Reads a page of what was published, oldest first. Rejects with a RealtimeError. */
  history(request: HistoryRequest, settings?: RequestSettings): Promise<readonly PublicationOf<C, Name>[]>;
  /** Leaves the channel: nothing arrives any more, and loops end. */
  leave(): void;
}

/** A client of a server with a contract. */
export interface Client<C extends ContractDefinition> {
  readonly state: ConnectionState;
  /** What carries the connection; undefined while there is none. */
  readonly transport: LinkKind | undefined;
  /** The public name of the session; undefined before the first welcome. */
  readonly sessionId: string | undefined;
  /** Who the server takes this client for; undefined: nobody in particular. */
  readonly user: string | undefined;
  /** Why the server ended it for good; undefined when it did not. */
  readonly closeError: RealtimeError | undefined;
  /** What is sent to this session, or to its user, alone. */
  readonly direct: {
    on<Event extends EventNames<DirectOf<C>>>(
      event: Event,
      listener: (
        data: EventReceived<DirectOf<C>, Event>,
        publication: Publication<Event, EventReceived<DirectOf<C>, Event>>,
      ) => void,
    ): Remove;
    /** Hears that something was missed which cannot be recovered. */
    on(event: 'gap', listener: (gap: Gap) => void): Remove;
  };
  /** Hears how the connection stands, and why it was lost, or no token could be fetched. */
  on(event: 'state', listener: (state: ConnectionState, cause?: Error) => void): Remove;
  /**
   * Hears what went wrong beside requests: an error that the server told, what a listener has thrown. What
   * nobody hears is an uncaught error of the platform, unless the server has told it.
   */
  on(event: 'error', listener: (error: unknown) => void): Remove;
  /**
   * Follows a channel. The same name gives the same object until it is left.
   * @throws FullduplexError `WS_STATE_INVALID` for other options than it was opened with
   */
  channel<Name extends ChannelNames<C>>(
    name: Name,
    options?: ChannelOptions<Given<PresenceOf<C, Name>>>,
  ): Channel<C, Name>;
  /**
   * Calls what the server offers. It runs at most once: when the session ends between question and answer it fails with
   * `OUTCOME_UNKNOWN`, unless it is idempotent. Rejects with a RealtimeError.
   */
  call<Name extends CallNames<CallsOf<C>>>(
    name: Name,
    ...args: CallArguments<Given<CallInputOf<CallsOf<C>, Name>>, CallSettings>
  ): Promise<Received<CallOutputOf<CallsOf<C>, Name>>>;
  /** Answers what the server calls on this client; a later handler takes the place of an earlier one. */
  handle<Name extends CallNames<ClientCallsOf<C>>>(
    name: Name,
    handler: (
      input: Received<CallInputOf<ClientCallsOf<C>, Name>>,
      context: ServerCallContext,
    ) => Given<CallOutputOf<ClientCallsOf<C>, Name>> | Promise<Given<CallOutputOf<ClientCallsOf<C>, Name>>>,
  ): Remove;
  /** Shows the server another token, without a new connection where that is possible. Resolves when it was accepted. */
  refresh(token: string): Promise<void>;
  /** Ends it for good. Requests that wait fail with `CLOSED`. */
  close(): void;
}
