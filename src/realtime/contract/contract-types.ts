// What follows from a contract in types: the names of its channels, and what goes into and comes out of each event, state, presence
// and call. What a program gives is the input of a schema, what the server has checked is its output, and what arrives at a
// client is that output after a journey as JSON.

import type { ChannelParams } from '../wire/channel-pattern.ts';
import type { ContractDefinition } from './contract.ts';
import type { SchemaInput, SchemaOutput, StandardSchema } from './standard-schema.ts';

// The keys of a part of a contract that may be missing.
type Names<Part> = [NonNullable<Part>] extends [never] ? never : keyof NonNullable<Part> & string;

// What a part of a contract has under a name; undefined where it has nothing.
type At<Part, Name extends PropertyKey> =
  NonNullable<Part> extends infer Found ? (Name extends keyof Found ? Found[Name] : undefined) : never;

/** What a program gives where this schema stands: its input. Without a schema, nothing. */
export type Given<Schema> = Schema extends StandardSchema ? SchemaInput<Schema> : undefined;

/** What handlers on the server get: the output of the schema. */
export type Checked<Schema> = Schema extends StandardSchema ? SchemaOutput<Schema> : undefined;

/** What arrives at a client: the output of the schema after a journey over the wire. */
export type Received<Schema> = Schema extends StandardSchema ? AsReceived<SchemaOutput<Schema>> : null;

/** A value that has travelled: JSON knows no `undefined`, so alone it arrives as null. */
export type AsReceived<T> = T extends undefined ? null : Travelled<T>;

// Dates and the like have become what their toJSON gives, bytes are bytes. `any` stays what it is.
type Travelled<T> = 0 extends T & 1
  ? T
  : T extends string | number | boolean | null | undefined
    ? T
    : T extends Uint8Array
      ? Uint8Array
      : T extends { toJSON(): infer Json }
        ? Json
        : T extends bigint | symbol | ((...given: never) => unknown)
          ? never
          : T extends object
            ? { [Key in keyof T]: Travelled<T[Key]> }
            : T;

/** The patterns of the channels of a contract. */
export type ChannelPatterns<C extends ContractDefinition> = Names<C['channels']>;

/** The names that a pattern has: `chat:${string}` for `chat:{room}`. */
export type NameOf<Pattern extends string> = Pattern extends `${infer Before}{${string}}${infer After}`
  ? `${Before}${string}${NameOf<After>}`
  : Pattern;

/** The names of all channels of a contract. */
export type ChannelNames<C extends ContractDefinition> = {
  [Pattern in ChannelPatterns<C>]: NameOf<Pattern>;
}[ChannelPatterns<C>];

// The patterns of All that stand for less than Pattern does.
type Narrower<Pattern extends string, All extends string> = All extends Pattern
  ? never
  : NameOf<All> extends NameOf<Pattern>
    ? All
    : never;

type MostSpecific<Pattern extends string, All extends string = Pattern> = Pattern extends string
  ? [Narrower<Pattern, All>] extends [never]
    ? Pattern
    : never
  : never;

/** The pattern that a channel's name belongs to: of several, the most specific. */
export type PatternOf<C extends ContractDefinition, Name extends string> = Name extends string
  ? MostSpecific<
      {
        [Pattern in ChannelPatterns<C>]: Name extends Pattern | NameOf<Pattern> ? Pattern : never;
      }[ChannelPatterns<C>]
    >
  : never;

/** What the contract says of a channel, by its name or its pattern. */
export type ChannelOf<C extends ContractDefinition, Name extends string> = At<
  C['channels'],
  PatternOf<C, Name>
>;

/** The parameters of a channel: `{ room: string }` for `chat:42` or `chat:{room}`. */
export type ParamsOf<C extends ContractDefinition, Name extends string> = ChannelParams<PatternOf<C, Name>>;

/** The schemas of the events of a channel. */
export type EventsOf<C extends ContractDefinition, Name extends string> = At<ChannelOf<C, Name>, 'events'>;

/** The schema of the values of a channel's keyed map; undefined where it has none. */
export type StateOf<C extends ContractDefinition, Name extends string> = At<ChannelOf<C, Name>, 'state'>;

/** The schema of what others may know of who is there; undefined where nobody does. */
export type PresenceOf<C extends ContractDefinition, Name extends string> = At<
  ChannelOf<C, Name>,
  'presence'
>;

/** What clients call. */
export type CallsOf<C extends ContractDefinition> = C['calls'];

/** What the server calls. */
export type ClientCallsOf<C extends ContractDefinition> = C['clientCalls'];

/** The schemas of the events that go to a session or a user alone. */
export type DirectOf<C extends ContractDefinition> = C['direct'];

/** The names of events: of `EventsOf<...>` or `DirectOf<...>`. */
export type EventNames<Events> = Names<Events>;

/** What is published under an event. */
export type EventGiven<Events, Name extends EventNames<Events>> = Given<At<Events, Name>>;

/** What a rule on the server gets of an event that a client publishes. */
export type EventChecked<Events, Name extends EventNames<Events>> = Checked<At<Events, Name>>;

/** What those who listen get of an event. */
export type EventReceived<Events, Name extends EventNames<Events>> = Received<At<Events, Name>>;

/** What arrives under all events, told apart by `event`. */
export type EventUnion<Events> = {
  [Name in EventNames<Events>]: { readonly event: Name; readonly data: EventReceived<Events, Name> };
}[EventNames<Events>];

/** The names of calls: of `CallsOf<...>` or `ClientCallsOf<...>`. */
export type CallNames<Calls> = Names<Calls>;

/** The schema of what goes into a call; undefined: nothing. */
export type CallInputOf<Calls, Name extends CallNames<Calls>> = At<At<Calls, Name>, 'input'>;

/** The schema of what comes out of a call; undefined: nothing. */
export type CallOutputOf<Calls, Name extends CallNames<Calls>> = At<At<Calls, Name>, 'output'>;

/** What a handler of a call returns; without a schema, nothing counts. */
export type HandlerResult<Schema> = Schema extends StandardSchema ? SchemaInput<Schema> : void;

/** The arguments of a call: the input may be left out where it may be undefined. */
export type CallArguments<Input, Options> = undefined extends Input
  ? readonly [input?: Input, options?: Options]
  : readonly [input: Input, options?: Options];
