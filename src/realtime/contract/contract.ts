// A contract: one file that server and client share, which names the channels with their events, what may be called, and the
// schemas of everything that crosses the wire. The types of both ends follow from it.

import type { Delivery } from '../wire/frames.ts';
import type { StandardSchema } from './standard-schema.ts';

/** Events by name, with the schema of their data. */
export type EventSchemas = Readonly<Record<string, StandardSchema>>;

/** A kind of channel. */
export interface ChannelContract {
  /**
   * What is promised of what is published. `log`: everything, in order, also across a loss of the connection as far as the history
   * reaches. `latest`: the newest of each event (of each `key`). `volatile`: what arrives while one is there and keeps up.
   * @defaultValue 'log'
   */
  readonly delivery?: Delivery;
  readonly events?: EventSchemas;
  /** The schema of the values of the channel's keyed map; without it, the channel has none. */
  readonly state?: StandardSchema;
  /** The schema of what others may know of who is there; without it, nobody sees who is there. */
  readonly presence?: StandardSchema;
}

/** A call: what goes in and what comes out. */
export interface CallContract {
  readonly input?: StandardSchema;
  readonly output?: StandardSchema;
  /** Whether running it twice does no harm: it is then tried again when nobody knows whether it was run. @defaultValue false */
  readonly idempotent?: boolean;
}

/** What a contract consists of. */
export interface ContractDefinition {
  /** `major.minor`: ends with different majors refuse each other. */
  readonly version: string;
  /** Channels by pattern: `chat:{room}`. */
  readonly channels?: Readonly<Record<string, ChannelContract>>;
  /** What clients call. */
  readonly calls?: Readonly<Record<string, CallContract>>;
  /** What the server calls. */
  readonly clientCalls?: Readonly<Record<string, CallContract>>;
  /** Events that are sent to a session, or to a user, alone. */
  readonly direct?: EventSchemas;
}

/** The patterns of the channels of a contract. */
export type ChannelPatterns<C extends ContractDefinition> = keyof NonNullable<C['channels']> & string;

/** The names that a pattern has: `chat:${string}` for `chat:{room}`. */
export type NameOf<Pattern extends string> = Pattern extends `${infer Before}{${string}}${infer After}`
  ? `${Before}${string}${NameOf<After>}`
  : Pattern;

/** The names of all channels of a contract. */
export type ChannelNames<C extends ContractDefinition> = {
  [Pattern in ChannelPatterns<C>]: NameOf<Pattern>;
}[ChannelPatterns<C>];
