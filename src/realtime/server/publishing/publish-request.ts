// What the body of a request to publish, to look or to disconnect says, read strictly.

import { describe } from '../../../base/errors.ts';
import { channelNameProblem } from '../../wire/channel-pattern.ts';
import { RealtimeError } from '../../wire/error-codes.ts';
import type { RequestedPublication } from '../publish-target.ts';

type Fields = Readonly<Record<string, unknown>>;

const maxTextLength = 256;

/** Reads a publication. @throws RealtimeError `BAD_DATA` */
export function readPublication(value: unknown): RequestedPublication {
  const fields = readFields(value, ['channel', 'event', 'data', 'idempotencyKey', 'exceptSession', 'user']);
  if (!('data' in fields)) throw bad('no field "data", expected what is published');
  return {
    channel: readChannel(fields),
    event: readText(fields, 'event') ?? missing('event'),
    data: fields.data,
    ...optionalText(fields, 'idempotencyKey'),
    ...optionalText(fields, 'exceptSession'),
    ...optionalText(fields, 'user'),
  };
}

/** Reads for which page of the history somebody asks. @throws RealtimeError `BAD_DATA` */
export function readHistoryRequest(value: unknown): {
  readonly channel: string;
  readonly page: { readonly before?: number; readonly count: number };
} {
  const fields = readFields(value, ['channel', 'before', 'count']);
  const { before, count = 100 } = fields;
  if (!isCount(count) || count > 1000)
    throw bad(`count ${describe(count)}, expected an integer from 1 to 1000`);
  if (before !== undefined && !isCount(before)) throw bad(`before ${describe(before)}, expected an offset`);
  return { channel: readChannel(fields), page: { count, ...(before === undefined ? {} : { before }) } };
}

/** Reads whose presence somebody asks for. @throws RealtimeError `BAD_DATA` */
export function readPresenceRequest(value: unknown): { readonly channel: string } {
  return { channel: readChannel(readFields(value, ['channel'])) };
}

/** Reads who shall be disconnected. @throws RealtimeError `BAD_DATA` */
export function readDisconnectRequest(value: unknown): {
  readonly user?: string;
  readonly session?: string;
} {
  const fields = readFields(value, ['user', 'session']);
  const { user, session } = fields;
  if ((user === undefined) === (session === undefined)) throw bad('expected either a user or a session');
  return { ...optionalText(fields, 'user'), ...optionalText(fields, 'session') };
}

function readFields(value: unknown, known: readonly string[]): Fields {
  if (!isFields(value)) throw bad(`${describe(value)}, expected an object`);
  const unknown = Object.keys(value).find((key) => !known.includes(key));
  if (unknown !== undefined) throw bad(`a field ${describe(unknown)}, expected only ${known.join(', ')}`);
  return value;
}

function readChannel(fields: Fields): string {
  const channel = readText(fields, 'channel') ?? missing('channel');
  const problem = channel.startsWith('$')
    ? `channel ${describe(channel)} belongs to the server`
    : channelNameProblem(channel);
  if (problem !== undefined) throw bad(problem);
  return channel;
}

function readText(fields: Fields, name: string): string | undefined {
  const value = fields[name];
  if (value === undefined) return undefined;
  if (typeof value === 'string' && value !== '' && value.length <= maxTextLength) return value;
  throw bad(`${name} ${describe(value)}, expected a text of 1 to ${maxTextLength} characters`);
}

function optionalText<Name extends string>(fields: Fields, name: Name): { readonly [Key in Name]?: string } {
  const text = readText(fields, name);
  const found: { [Key in Name]?: string } = {};
  if (text !== undefined) found[name] = text;
  return found;
}

function missing(name: string): never {
  throw bad(`no field ${describe(name)}, expected a text`);
}

function bad(message: string): RealtimeError {
  return new RealtimeError('BAD_DATA', message);
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && typeof value === 'number' && value >= 1;
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
