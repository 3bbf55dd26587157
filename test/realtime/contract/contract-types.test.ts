// What TypeScript infers from a contract: nothing here is run.

import { describe, expectTypeOf, test } from 'vitest';
import { z } from 'zod';
import { type ContractDefinition, defineContract, typed } from '../../../src/contract.ts';
import type {
  AsReceived,
  CallArguments,
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
  EventReceived,
  EventsOf,
  EventUnion,
  Given,
  HandlerResult,
  ParamsOf,
  PatternOf,
  PresenceOf,
  Received,
  StateOf,
} from '../../../src/realtime/contract/contract-types.ts';
import type { withArktype, withTypes, withValibot, withZod } from './schemas.ts';

const board = defineContract({
  version: '2.0',
  channels: {
    'chat:{room}': { events: { message: typed<{ text: string }>(), typing: typed<boolean>() } },
    'chat:{room}:staff': { events: { note: typed<string>() } },
    'doc:{team}/{id}': { state: typed<{ title: string }>() },
    lobby: {
      delivery: 'volatile',
      events: { bell: z.date().transform((at) => ({ at })) },
      presence: typed<number>(),
    },
  },
  calls: {
    ping: {},
    when: { input: z.coerce.date(), output: z.date() },
    echo: { input: z.string().optional() },
  },
  clientCalls: { confirm: { input: typed<string>(), output: typed<boolean>() } },
  direct: { invited: typed<{ by: string }>() },
});
type Board = typeof board;

describe.each(['zod', 'valibot', 'arktype', 'typed'])('schemas of %s', () => {
  test('give the same types', () => {
    type Check<C extends ContractDefinition> = {
      names: ChannelNames<C>;
      given: EventGiven<EventsOf<C, 'chat:42'>, EventNames<EventsOf<C, 'chat:42'>>>;
      received: EventReceived<EventsOf<C, 'chat:42'>, EventNames<EventsOf<C, 'chat:42'>>>;
      presence: Received<PresenceOf<C, 'chat:42'>>;
      state: StateOf<C, 'chat:42'>;
      calls: CallNames<CallsOf<C>>;
      input: Given<CallInputOf<CallsOf<C>, CallNames<CallsOf<C>>>>;
      output: Received<CallOutputOf<CallsOf<C>, CallNames<CallsOf<C>>>>;
    };
    interface Expected {
      names: `chat:${string}`;
      given: { text: string };
      received: { text: string };
      presence: { name: string };
      state: undefined;
      calls: 'add';
      input: { a: number; b: number };
      output: number;
    }
    expectTypeOf<Check<typeof withZod>>().toEqualTypeOf<Expected>();
    expectTypeOf<Check<typeof withValibot>>().toEqualTypeOf<Expected>();
    expectTypeOf<Check<typeof withArktype>>().toEqualTypeOf<Expected>();
    expectTypeOf<Check<typeof withTypes>>().toEqualTypeOf<Expected>();
  });
});

describe('names of channels', () => {
  test('follow from the patterns', () => {
    expectTypeOf<ChannelPatterns<Board>>().toEqualTypeOf<
      'chat:{room}' | 'chat:{room}:staff' | 'doc:{team}/{id}' | 'lobby'
    >();
    expectTypeOf<'chat:42'>().toExtend<ChannelNames<Board>>();
    expectTypeOf<`chat:${number}`>().toExtend<ChannelNames<Board>>();
    expectTypeOf<'doc:a/b'>().toExtend<ChannelNames<Board>>();
    expectTypeOf<'lobby'>().toExtend<ChannelNames<Board>>();
    expectTypeOf<'lobby2'>().not.toExtend<ChannelNames<Board>>();
    expectTypeOf<'doc:a'>().not.toExtend<ChannelNames<Board>>();
    expectTypeOf<string>().not.toExtend<ChannelNames<Board>>();
  });

  test('belong to the most specific pattern', () => {
    expectTypeOf<PatternOf<Board, 'chat:42'>>().toEqualTypeOf<'chat:{room}'>();
    expectTypeOf<PatternOf<Board, 'chat:42:staff'>>().toEqualTypeOf<'chat:{room}:staff'>();
    expectTypeOf<PatternOf<Board, `chat:${string}`>>().toEqualTypeOf<'chat:{room}'>();
    expectTypeOf<PatternOf<Board, 'chat:{room}:staff'>>().toEqualTypeOf<'chat:{room}:staff'>();
    expectTypeOf<PatternOf<Board, 'lobby' | 'chat:1'>>().toEqualTypeOf<'lobby' | 'chat:{room}'>();
    expectTypeOf<PatternOf<Board, 'nowhere'>>().toEqualTypeOf<never>();
  });

  test('have parameters', () => {
    expectTypeOf<ParamsOf<Board, 'chat:42'>>().toEqualTypeOf<{ readonly room: string }>();
    expectTypeOf<ParamsOf<Board, 'doc:{team}/{id}'>>().toEqualTypeOf<{
      readonly team: string;
      readonly id: string;
    }>();
  });
});

describe('events, state and presence', () => {
  test('belong to their channel', () => {
    expectTypeOf<EventNames<EventsOf<Board, 'chat:1'>>>().toEqualTypeOf<'message' | 'typing'>();
    expectTypeOf<EventNames<EventsOf<Board, 'chat:1:staff'>>>().toEqualTypeOf<'note'>();
    expectTypeOf<EventNames<EventsOf<Board, 'doc:a/b'>>>().toEqualTypeOf<never>();
    expectTypeOf<Received<StateOf<Board, 'doc:a/b'>>>().toEqualTypeOf<{ title: string }>();
    expectTypeOf<PresenceOf<Board, 'chat:1'>>().toEqualTypeOf<undefined>();
    expectTypeOf<Given<PresenceOf<Board, 'lobby'>>>().toEqualTypeOf<number>();
    expectTypeOf<EventNames<DirectOf<Board>>>().toEqualTypeOf<'invited'>();
  });

  test('are what the schema takes, what it makes, and what is left of that after the journey', () => {
    type Lobby = EventsOf<Board, 'lobby'>;
    expectTypeOf<EventGiven<Lobby, 'bell'>>().toEqualTypeOf<Date>();
    expectTypeOf<EventChecked<Lobby, 'bell'>>().toEqualTypeOf<{ at: Date }>();
    expectTypeOf<EventReceived<Lobby, 'bell'>>().toEqualTypeOf<{ at: string }>();
  });

  test('are told apart by their name', () => {
    expectTypeOf<EventUnion<EventsOf<Board, 'chat:1'>>>().toEqualTypeOf<
      | { readonly event: 'message'; readonly data: { text: string } }
      | { readonly event: 'typing'; readonly data: boolean }
    >();
  });
});

describe('calls', () => {
  test('without schemas take and give nothing', () => {
    expectTypeOf<Given<CallInputOf<CallsOf<Board>, 'ping'>>>().toEqualTypeOf<undefined>();
    expectTypeOf<Checked<CallInputOf<CallsOf<Board>, 'ping'>>>().toEqualTypeOf<undefined>();
    expectTypeOf<Received<CallOutputOf<CallsOf<Board>, 'ping'>>>().toEqualTypeOf<null>();
    expectTypeOf<HandlerResult<CallOutputOf<CallsOf<Board>, 'ping'>>>().toEqualTypeOf<void>();
  });

  test('give handlers what was checked and callers what arrives', () => {
    expectTypeOf<Checked<CallInputOf<CallsOf<Board>, 'when'>>>().toEqualTypeOf<Date>();
    expectTypeOf<HandlerResult<CallOutputOf<CallsOf<Board>, 'when'>>>().toEqualTypeOf<Date>();
    expectTypeOf<Received<CallOutputOf<CallsOf<Board>, 'when'>>>().toEqualTypeOf<string>();
    expectTypeOf<CallNames<ClientCallsOf<Board>>>().toEqualTypeOf<'confirm'>();
  });

  test('may leave out an input that may be undefined', () => {
    type Arguments<Name extends CallNames<CallsOf<Board>>> = CallArguments<
      Given<CallInputOf<CallsOf<Board>, Name>>,
      number
    >;
    expectTypeOf<Arguments<'ping'>>().toEqualTypeOf<readonly [input?: undefined, options?: number]>();
    expectTypeOf<Arguments<'echo'>>().toEqualTypeOf<readonly [input?: string, options?: number]>();
    type Confirm = CallArguments<Given<CallInputOf<ClientCallsOf<Board>, 'confirm'>>, number>;
    expectTypeOf<Confirm>().toEqualTypeOf<readonly [input: string, options?: number]>();
  });
});

describe('the journey', () => {
  test('keeps what JSON keeps, and bytes', () => {
    interface Profile {
      readonly name: string;
      tags?: string[];
      pair: readonly [number, Date];
      icon: Uint8Array;
      size: number | null;
      any: unknown;
    }
    expectTypeOf<AsReceived<Profile>>().toEqualTypeOf<{
      readonly name: string;
      tags?: string[];
      pair: readonly [number, string];
      icon: Uint8Array;
      size: number | null;
      any: unknown;
    }>();
    type Branded = string & { readonly brand: unique symbol };
    expectTypeOf<AsReceived<Branded>>().toEqualTypeOf<Branded>();
    expectTypeOf<AsReceived<undefined>>().toEqualTypeOf<null>();
    expectTypeOf<AsReceived<string | undefined>>().toEqualTypeOf<string | null>();
    expectTypeOf<AsReceived<unknown>>().toEqualTypeOf<unknown>();
  });
});

describe('any contract', () => {
  test('has channels by any name, and data of which nothing is known', () => {
    expectTypeOf<ChannelNames<ContractDefinition>>().toEqualTypeOf<string>();
    expectTypeOf<EventNames<EventsOf<ContractDefinition, string>>>().toEqualTypeOf<string>();
    expectTypeOf<EventReceived<EventsOf<ContractDefinition, string>, string>>().toBeUnknown();
    expectTypeOf<CallNames<CallsOf<ContractDefinition>>>().toEqualTypeOf<string>();
    expectTypeOf<typeof board>().toExtend<ContractDefinition>();
  });

  test('without channels has none', () => {
    const empty = defineContract({ version: '1.0' });
    expectTypeOf<ChannelNames<typeof empty>>().toEqualTypeOf<never>();
    expectTypeOf<CallNames<CallsOf<typeof empty>>>().toEqualTypeOf<never>();
  });

  test('does not compile with a wrong delivery, a version that is no text, or a schema that is none', () => {
    const wrong = (): void => {
      // @ts-expect-error: no such delivery
      defineContract({ version: '1.0', channels: { a: { delivery: 'fast' } } });
      // @ts-expect-error: a number
      defineContract({ version: 1 });
      // @ts-expect-error: no schema
      defineContract({ version: '1.0', channels: { a: { events: { message: String } } } });
      // @ts-expect-error: a call is an object
      defineContract({ version: '1.0', calls: { add: typed<number>() } });
    };
    expectTypeOf(wrong).toBeFunction();
  });
});
