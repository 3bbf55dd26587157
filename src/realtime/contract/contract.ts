// A contract: one file that server and client share, which names the channels with their events, what may be called, and the
// schemas of everything that crosses the wire. The types of both ends follow from it (contract-types.ts).

import { describe, FullduplexError } from '../../base/errors.ts';
import { ChannelPattern, channelNameProblem } from '../wire/channel-pattern.ts';
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

/** A call: what goes in and what comes out; without a schema, nothing does. */
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

const versionPattern = /^(\d{1,9})\.(\d{1,9})$/;
const deliveries: readonly unknown[] = ['log', 'latest', 'volatile'] satisfies Delivery[];
const fields = ['version', 'channels', 'calls', 'clientCalls', 'direct'];
const channelFields = ['delivery', 'events', 'state', 'presence'];
const callFields = ['input', 'output', 'idempotent'];
// What `channel.on` of a client tells beside publications.
const ownEvents = ['gap', 'skipped', 'status'];

/**
 * Checks a contract and gives it back, with its literal types: the server and all clients are made with it.
 * @throws FullduplexError `WS_OPTION_INVALID`: the version is not `major.minor`, a pattern or a name is not one, two patterns stand for
 * the same names, a schema is none of Standard Schema, or a field is unknown
 */
export function defineContract<const C extends ContractDefinition>(contract: C): C {
  checkFields('a contract', contract, fields);
  if (typeof contract.version !== 'string' || !versionPattern.test(contract.version)) {
    throw invalid('version', describe(contract.version), 'major.minor, as in "1.0"');
  }
  const shapes = new Map<string, string>();
  for (const [pattern, channel] of entriesOf('channels', contract.channels)) {
    const { source } = new ChannelPattern(pattern);
    const shape = source.replaceAll(/\{\w+\}/g, '{}');
    const twin = shapes.get(shape);
    if (twin !== undefined) {
      throw invalid(
        'channels',
        `${describe(twin)} beside ${describe(source)}`,
        'one pattern for the same names',
      );
    }
    shapes.set(shape, source);
    checkChannel(`channels[${describe(pattern)}]`, channel);
  }
  checkCalls('calls', contract.calls);
  checkCalls('clientCalls', contract.clientCalls);
  checkEvents('direct', contract.direct);
  return contract;
}

/**
 * Whether two ends with these versions of a contract can work together: their majors are the same. An end that names none
 * leaves it to the checks of each message.
 */
export function areVersionsCompatible(server: string, client: string | undefined): boolean {
  if (client === undefined) return true;
  const major = versionPattern.exec(client)?.[1];
  return major !== undefined && Number(major) === Number(versionPattern.exec(server)?.[1]);
}

function checkChannel(place: string, channel: ChannelContract): void {
  checkFields(place, channel, channelFields);
  const { delivery, events, state, presence } = channel;
  if (delivery !== undefined && !deliveries.includes(delivery)) {
    throw invalid(`${place}.delivery`, describe(delivery), '"log", "latest" or "volatile"');
  }
  checkEvents(`${place}.events`, events);
  for (const name of ownEvents) {
    if (events !== undefined && Object.hasOwn(events, name))
      throw invalid(
        `${place}.events`,
        `the name ${describe(name)}`,
        `another: a channel tells ${ownEvents.join(', ')} itself`,
      );
  }
  checkSchema(`${place}.state`, state);
  checkSchema(`${place}.presence`, presence);
}

function checkCalls(place: string, calls: Readonly<Record<string, CallContract>> | undefined): void {
  for (const [name, call] of entriesOf(place, calls)) {
    checkName(place, name);
    checkFields(`${place}.${name}`, call, callFields);
    checkSchema(`${place}.${name}.input`, call.input);
    checkSchema(`${place}.${name}.output`, call.output);
    if (call.idempotent !== undefined && typeof call.idempotent !== 'boolean') {
      throw invalid(`${place}.${name}.idempotent`, describe(call.idempotent), 'true or false');
    }
  }
}

function checkEvents(place: string, events: EventSchemas | undefined): void {
  for (const [name, schema] of entriesOf(place, events)) {
    checkName(place, name);
    checkSchema(`${place}.${name}`, schema);
    if (schema === undefined) throw invalid(`${place}.${name}`, 'undefined', 'a schema, or typed<T>()');
  }
}

// Names of events and calls have the rules of channel names: short, printable, and "$" is the protocol's.
function checkName(place: string, name: string): void {
  if (channelNameProblem(name) !== undefined || name.startsWith('$')) {
    throw invalid(
      place,
      `the name ${describe(name)}`,
      'names of 1 to 255 bytes without control characters, and none that begins with "$"',
    );
  }
}

function checkSchema(place: string, schema: StandardSchema | undefined): void {
  if (schema === undefined) return;
  // A schema may be a function (arktype).
  const isHolder = (typeof schema === 'object' && schema !== null) || typeof schema === 'function';
  const standard: unknown = isHolder ? schema['~standard'] : undefined;
  if (
    typeof standard !== 'object' ||
    standard === null ||
    !('validate' in standard) ||
    typeof standard.validate !== 'function' ||
    !('version' in standard) ||
    standard.version !== 1
  ) {
    throw invalid(place, describe(schema), 'a schema that follows Standard Schema 1, or typed<T>()');
  }
}

function entriesOf<Value>(
  place: string,
  record: Readonly<Record<string, Value>> | undefined,
): readonly (readonly [string, Value])[] {
  if (record === undefined) return [];
  checkFields(place, record);
  return Object.entries(record);
}

function checkFields(place: string, value: unknown, known?: readonly string[]): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalid(place, describe(value), 'an object');
  }
  for (const field of known === undefined ? [] : Object.keys(value)) {
    if (!known?.includes(field))
      throw invalid(place, `the field ${describe(field)}`, known?.join(', ') ?? '');
  }
}

function invalid(place: string, found: string, expected: string): FullduplexError {
  return new FullduplexError(
    'WS_OPTION_INVALID',
    `contract: ${place} is or has ${found}, expected ${expected}`,
  );
}
