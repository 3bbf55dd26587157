import { describe, expect, test } from 'vitest';
import { defineContract, typed } from '../../../src/contract.ts';
import { FullduplexError } from '../../../src/base/errors.ts';
import { areVersionsCompatible } from '../../../src/realtime/contract/contract.ts';

// What no compiler stands in front of: contracts from JavaScript.
function problemOf(contract: unknown): string {
  try {
    Reflect.apply(defineContract, undefined, [contract]);
  } catch (error) {
    expect(error).toBeInstanceOf(FullduplexError);
    expect(error).toHaveProperty('code', 'WS_OPTION_INVALID');
    return error instanceof Error ? error.message : '';
  }
  throw new Error('the contract was accepted');
}

describe('defineContract', () => {
  test('gives back the very object', () => {
    const contract = { version: '1.0', channels: { lobby: { events: { bell: typed<null>() } } } };
    expect(defineContract(contract)).toBe(contract);
  });

  test.each([
    [undefined, 'a contract is or has undefined, expected an object'],
    [{ version: '1' }, 'version is or has "1", expected major.minor'],
    [{ version: 'v1.0' }, 'version is or has "v1.0"'],
    [{ version: '1.0.0' }, 'version is or has "1.0.0"'],
    [{ version: 1 }, 'version is or has 1'],
    [{ version: '1.0', chanels: {} }, 'the field "chanels", expected version, channels, calls'],
    [{ version: '1.0', channels: [] }, 'channels is or has an array of 0, expected an object'],
    [{ version: '1.0', channels: { 'a{b': {} } }, 'channel pattern "a{b"'],
    [{ version: '1.0', channels: { $own: {} } }, 'begin with "$" belong to the server'],
    [{ version: '1.0', channels: { 'a:{x}': {}, 'a:{y}': {} } }, '"a:{x}" beside "a:{y}"'],
    [{ version: '1.0', channels: { a: null } }, 'channels["a"] is or has null'],
    [{ version: '1.0', channels: { a: { delivery: 'fast' } } }, 'channels["a"].delivery is or has "fast"'],
    [{ version: '1.0', channels: { a: { event: {} } } }, 'channels["a"] is or has the field "event"'],
    [
      { version: '1.0', channels: { a: { events: { $x: typed() } } } },
      'channels["a"].events is or has the name "$x"',
    ],
    [{ version: '1.0', channels: { a: { events: { '': typed() } } } }, 'the name ""'],
    [
      { version: '1.0', channels: { a: { events: { gap: typed() } } } },
      'the name "gap", expected another: a channel tells gap, skipped, status itself',
    ],
    [
      { version: '1.0', channels: { a: { events: { x: String } } } },
      'channels["a"].events.x is or has a function',
    ],
    [
      { version: '1.0', channels: { a: { events: { x: undefined } } } },
      'channels["a"].events.x is or has undefined',
    ],
    [{ version: '1.0', channels: { a: { state: {} } } }, 'channels["a"].state is or has an object (Object)'],
    [{ version: '1.0', channels: { a: { presence: 1 } } }, 'channels["a"].presence is or has 1'],
    [
      {
        version: '1.0',
        channels: { a: { state: { '~standard': { version: 2, validate: () => undefined } } } },
      },
      'channels["a"].state is or has an object (Object), expected a schema that follows Standard Schema 1',
    ],
    [{ version: '1.0', calls: { add: { in: typed() } } }, 'calls.add is or has the field "in"'],
    [{ version: '1.0', calls: { add: { input: 'number' } } }, 'calls.add.input is or has "number"'],
    [{ version: '1.0', calls: { add: { idempotent: 1 } } }, 'calls.add.idempotent is or has 1'],
    [{ version: '1.0', clientCalls: { ask: { output: {} } } }, 'clientCalls.ask.output is or has an object'],
    [{ version: '1.0', direct: { 'a\n': typed() } }, 'direct is or has the name "a\\n"'],
  ])('refuses %j and says where', (contract, problem) => {
    expect(problemOf(contract)).toContain(problem);
  });
});

describe('versions', () => {
  test.each([
    ['1.0', '1.0', true],
    ['1.0', '1.9', true],
    ['1.9', '1.0', true],
    ['1.0', '2.0', false],
    ['10.0', '1.0', false],
    ['1.0', '01.0', true],
    ['1.0', 'one', false],
    ['1.0', '', false],
    ['1.0', '1.0.0', false],
    ['1.0', undefined, true],
  ])('%s on the server and %s at the client: compatible is %s', (server, client, expected) => {
    expect(areVersionsCompatible(server, client)).toBe(expected);
  });
});
