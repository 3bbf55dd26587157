// Reads what clients send, strictly: a frame is what it has to be in every place, or it is refused with one sentence that says what
// was found and what was expected. Trailing elements are a later version's and do no harm.

import { describe } from '../../base/errors.ts';
import { RealtimeError, type WireError } from '../wire/error-codes.ts';
import {
  type ClientFrame,
  FrameType,
  type Hello,
  type RequestOptions,
  type SubscribeWish,
  type WireSubscribe,
} from '../wire/frames.ts';
import { readPosition, type WirePosition, writePosition } from '../wire/stream-position.ts';

type Fields = Readonly<Record<string, unknown>>;

// What is longer than this is no id, no token, no name of anything.
const maxIdLength = 64;
const maxTokenLength = 16 * 1024;
const maxSubscriptionsRead = 10_000;

/**
 * Reads one frame.
 * @throws RealtimeError `BAD_FRAME`, `UNKNOWN_FRAME`
 */
export function readClientFrame(frame: unknown): ClientFrame {
  if (!Array.isArray(frame)) throw bad('a frame', frame, 'an array');
  if (frame.length === 0) return [];
  const [type, first, second, third, fourth, fifth]: readonly unknown[] = frame;
  switch (type) {
    case FrameType.hello:
      return [type, readHello(first)];
    case FrameType.request:
      return [type, readId(first), readChannel(second), readName(third), fourth, ...readOptions(fifth)];
    case FrameType.reply:
      return third === undefined || third === null
        ? [type, readId(first), second]
        : [type, readId(first), null, readError(third)];
    case FrameType.cancel:
      return [type, readId(first)];
    case FrameType.subscribe:
      return [type, ...readSubscribe([first, second, third])];
    case FrameType.unsubscribe:
      return [type, readCount('an alias', first)];
    case FrameType.refresh:
      return [type, readText('a token', first, maxTokenLength)];
    default:
      throw new RealtimeError(
        'UNKNOWN_FRAME',
        `a frame begins with ${describe(type)}, expected one of 1, 4, 5, 6, 7, 8, 14`,
      );
  }
}

/** The id by which a frame that is wrong can be answered: it is a request, and its id is one. */
export function answerableId(frame: unknown): number | string | undefined {
  if (!Array.isArray(frame)) return undefined;
  const [type, id]: readonly unknown[] = frame;
  return type === FrameType.request && isId(id) && id !== 0 ? id : undefined;
}

function readHello(value: unknown): Hello {
  const { v, contract, token, session, subs, own } = readFields('a hello', value);
  return {
    v: readCount('v of a hello', v),
    ...(contract === undefined ? {} : { contract: readText('contract of a hello', contract, maxIdLength) }),
    ...(token === undefined || token === null
      ? {}
      : { token: readText('token of a hello', token, maxTokenLength) }),
    ...(session === undefined || session === null ? {} : { session: readSession(session) }),
    ...(subs === undefined ? {} : { subs: readSubscriptions(subs) }),
    ...(own === undefined || own === null ? {} : { own: readOwn(own) }),
  };
}

/** Reads the id and the secret of a session. */
export function readSession(value: unknown): readonly [id: string, secret: string] {
  if (!Array.isArray(value)) throw bad('session', value, '[id, secret]');
  const [id, secret]: readonly unknown[] = value;
  return [
    readText('the id of a session', id, maxIdLength),
    readText('the secret of a session', secret, maxIdLength),
  ];
}

function readOwn(value: unknown): NonNullable<Hello['own']> {
  const { session, user } = readFields('own', value);
  return { ...optionalPosition('session', session), ...optionalPosition('user', user) };
}

function readSubscriptions(value: unknown): readonly WireSubscribe[] {
  if (!Array.isArray(value) || value.length > maxSubscriptionsRead) {
    throw bad('subs of a hello', value, `an array of at most ${maxSubscriptionsRead}`);
  }
  return value.map((one: unknown) => readSubscribe(one));
}

function readSubscribe(value: unknown): WireSubscribe {
  if (!Array.isArray(value)) throw bad('a subscription', value, '[ref, channel, wish?]');
  const [ref, channel, wish]: readonly unknown[] = value;
  const name = readText('a channel', channel, 1024);
  const number = readCount('ref of a subscription', ref);
  return wish === undefined || wish === null ? [number, name] : [number, name, readWish(wish)];
}

function readWish(value: unknown): SubscribeWish {
  const wish = readFields('a wish', value);
  const { history, rate, presence, delta } = wish;
  if (rate !== undefined && !(typeof rate === 'number' && rate > 0 && rate <= 1000)) {
    throw bad('rate', rate, 'a number above 0, at most 1000');
  }
  return {
    ...optionalPosition('position', wish.position),
    ...optionalPosition('presencePosition', wish.presencePosition),
    ...optionalPosition('statePosition', wish.statePosition),
    ...(history === undefined ? {} : { history: readCount('history', history) }),
    ...(rate === undefined ? {} : { rate }),
    ...(presence === true ? { presence } : {}),
    ...(delta === true ? { delta } : {}),
    ...('info' in wish ? { info: wish.info } : {}),
  };
}

function optionalPosition<Name extends string>(
  name: Name,
  value: unknown,
): { readonly [Key in Name]?: WirePosition } {
  const none: { readonly [Key in Name]?: WirePosition } = {};
  if (value === undefined || value === null) return none;
  const position = readPosition(value);
  if (position === undefined) throw bad(name, value, '[epoch, offset, id]');
  return { ...none, [name]: writePosition(position) };
}

function readOptions(value: unknown): [] | [RequestOptions] {
  if (value === undefined || value === null) return [];
  const { deadlineMs, again } = readFields('options of a request', value);
  if (deadlineMs !== undefined && !(typeof deadlineMs === 'number' && deadlineMs > 0)) {
    throw bad('deadlineMs', deadlineMs, 'a number above 0');
  }
  return [{ ...(deadlineMs === undefined ? {} : { deadlineMs }), ...(again === true ? { again } : {}) }];
}

function readError(value: unknown): WireError {
  const { code, message, retryable, data } = readFields('an error', value);
  return {
    // Whatever its code is: what the client says went wrong is the client's word.
    code:
      code === 'DEADLINE_EXCEEDED' || code === 'CANCELLED' || code === 'UNKNOWN_CALL' || code === 'BAD_DATA'
        ? code
        : 'HANDLER_FAILED',
    message: typeof message === 'string' ? message.slice(0, 1024) : '',
    ...(retryable === true ? { retryable } : {}),
    ...(data === undefined ? {} : { data }),
  };
}

function readFields(name: string, value: unknown): Fields {
  if (isFields(value)) return value;
  throw bad(name, value, 'an object');
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function readId(value: unknown): number | string {
  if (isId(value)) return value;
  throw bad('the id of a request', value, `a whole number or a text of 1 to ${maxIdLength} characters`);
}

function isId(value: unknown): value is number | string {
  return typeof value === 'string'
    ? value.length > 0 && value.length <= maxIdLength
    : Number.isSafeInteger(value) && Number(value) >= 0;
}

function readChannel(value: unknown): number | string {
  return typeof value === 'string' ? value : readCount('the channel of a request', value);
}

function readName(value: unknown): string {
  return readText('the name of a request', value, 255);
}

function readText(name: string, value: unknown, maxLength: number): string {
  if (typeof value === 'string' && value.length <= maxLength) return value;
  throw bad(name, value, `a text of at most ${maxLength} characters`);
}

function readCount(name: string, value: unknown): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw bad(name, value, 'a whole number from 0');
}

function bad(name: string, found: unknown, expected: string): RealtimeError {
  return new RealtimeError('BAD_FRAME', `${name} is ${describe(found)}, expected ${expected}`);
}
