// Requirements of RFC 6455 that no other test states as a whole; docs/rfc-index.md names them beside all others.

import * as fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { ClientHandshake } from '../../src/protocol/handshake/client-handshake.ts';
import { HeaderList } from '../../src/protocol/handshake/header-list.ts';
import { ServerHandshake } from '../../src/protocol/handshake/server-handshake.ts';
import { PreparedMessage } from '../../src/protocol/prepared-message.ts';
import { type CutFrame, cutFrames } from './cut-frames.ts';
import { fakeExtension } from './extensions/fake-extension.ts';
import { Side } from './recording-sink.ts';
import { operations, perform } from './send-operations.ts';
import { toHex } from './wire.ts';

const roles = ['client', 'server'] as const;

describe.each(roles)('whatever a %s sends', (role) => {
  const scripts = fc.array(operations(), { maxLength: 8 });

  /** The frames of a script, with a close at its end and attempts to send behind that. */
  function framesOf(script: readonly Parameters<typeof perform>[1][]): CutFrame[] {
    const side = new Side({ role });
    for (const operation of script) perform(side.protocol, operation);
    side.protocol.close(1000);
    for (const operation of script) perform(side.protocol, operation);
    return cutFrames(side.written());
  }

  it('has RSV bits of 0, a known opcode and the mask bit of its role', () => {
    fc.assert(
      fc.property(scripts, (script) => {
        for (const { rsv, opcode, key } of framesOf(script)) {
          expect(rsv).toBe(0);
          expect([0, 1, 2, 8, 9, 10]).toContain(opcode);
          expect(key !== undefined).toBe(role === 'client');
        }
      }),
      { numRuns: 60 },
    );
  });

  it('has its length in the fewest bytes, the highest bit of a 64-bit length being 0', () => {
    fc.assert(
      fc.property(scripts, (script) => {
        for (const { length, lengthBits } of framesOf(script)) {
          expect(lengthBits).toBe(length < 126n ? 7 : length < 65_536n ? 16 : 64);
          expect(length >> 63n).toBe(0n);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('has control frames of at most 125 bytes in one piece, and data frames that never interleave', () => {
    fc.assert(
      fc.property(scripts, (script) => {
        let isInMessage = false;
        for (const { fin, opcode, length } of framesOf(script)) {
          if (opcode >= 8) {
            expect([fin, length <= 125n]).toEqual([true, true]);
            continue;
          }
          expect(opcode === 0).toBe(isInMessage);
          isInMessage = !fin;
        }
        expect(isInMessage).toBe(false);
      }),
      { numRuns: 60 },
    );
  });

  it('has the opcode of its type on the first frame and ends with a close frame, whatever is sent after it', () => {
    fc.assert(
      fc.property(scripts, (script) => {
        const frames = framesOf(script);
        const types = script.flatMap((operation) => {
          if (operation.kind === 'control') return [];
          const isText =
            operation.kind === 'message' ? typeof operation.data === 'string' : operation.type === 'text';
          return [isText ? 1 : 2];
        });
        expect(frames.map(({ opcode }) => opcode).filter((opcode) => opcode === 1 || opcode === 2)).toEqual(
          types,
        );
        expect(frames.findIndex(({ opcode }) => opcode === 8)).toBe(frames.length - 1);
      }),
      { numRuns: 60 },
    );
  });
});

describe('what a client sends', () => {
  it('does not change when the application changes its bytes after sending them', () => {
    for (const length of [10, 100_000]) {
      const bytes = new Uint8Array(length).fill(0x61);
      const side = new Side({ role: 'client' });
      side.protocol.sendBinary(bytes);
      side.protocol.sendPrepared(new PreparedMessage(bytes));
      side.protocol.sendFragment('binary', bytes, true);
      bytes.fill(0x62);
      const payloads = cutFrames(side.written()).map(({ payload }) => payload);
      expect(payloads).toHaveLength(3);
      for (const payload of payloads) expect(payload.every((byte) => byte === 0x61)).toBe(true);
    }
  });
});

describe('masking keys', () => {
  afterEach(() => {
    vi.restoreAllMocks();
  });

  it('are what the cryptographic generator of the platform gives, unless another source is named', () => {
    const { crypto } = globalThis;
    const original = crypto.getRandomValues.bind(crypto);
    const given = new Set<string>();
    vi.spyOn(crypto, 'getRandomValues').mockImplementation((target) => {
      original(target);
      if (target instanceof Uint8Array) for (const key of toHex(target).match(/.{8}/g) ?? []) given.add(key);
      return target;
    });
    const side = new Side({ role: 'client' });
    for (let count = 0; count < 5000; count++) side.protocol.ping();
    const keys = cutFrames(side.written()).map(({ key }) => toHex(key ?? new Uint8Array(0)));
    // At most 2,048 keys were left in the pool that all connections share.
    expect(keys.slice(2048).filter((key) => !given.has(key))).toEqual([]);
    expect(new Set(keys).size).toBeGreaterThan(4990);
  });
});

describe('the opening handshake', () => {
  const fields: [string, string][] = [
    ['Host', 'h'],
    ['Upgrade', 'websocket'],
    ['Connection', 'Upgrade'],
    ['Sec-WebSocket-Key', 'dGhlIHNhbXBsZSBub25jZQ=='],
  ];

  it('requests an escaped number sign as part of the path and of the query', () => {
    const { request } = new ClientHandshake(new URL('ws://h/a%23b?c=%23d'));
    expect(request.target).toBe('/a%23b?c=%23d');
  });

  it('has each header of its own once, in the request and in the response', () => {
    const extensions = [fakeExtension('x-one', 0x40, 2), fakeExtension('x-two', 0x20)];
    const protocols = ['a', 'b'];
    const { request } = new ClientHandshake(new URL('ws://h'), { extensions, protocols });
    const judged = new ServerHandshake({ extensions, protocols }).receive(request);
    if (judged.kind !== 'acceptable') throw new Error(judged.body);
    const { head } = judged.accept();
    const responseNames = head
      .split('\r\n')
      .slice(1, -2)
      .map((line) => line.slice(0, line.indexOf(':')));
    expect(responseNames).toEqual([
      'Upgrade',
      'Connection',
      'Sec-WebSocket-Accept',
      'Sec-WebSocket-Protocol',
      'Sec-WebSocket-Extensions',
    ]);
    const requestNames = [...request.headers].map(([name]) => name);
    expect(new Set(requestNames).size).toBe(requestNames.length);
    expect(requestNames).toContain('Sec-WebSocket-Extensions');
  });

  it.each(['0', '8', '12', '14', '255', '256', '013', '13, 8', 'x', ''])(
    'names the version that the server speaks when the client asks for %j',
    (version) => {
      const headers = HeaderList.fromRaw([...fields, ['Sec-WebSocket-Version', version]].flat());
      const judged = new ServerHandshake().receive({
        method: 'GET',
        target: '/',
        httpVersion: '1.1',
        headers,
      });
      if (judged.kind !== 'refused') throw new Error(judged.kind);
      expect([400, 426]).toContain(judged.status);
      expect(judged.headers.getAll('Sec-WebSocket-Version')).toEqual(['13']);
    },
  );

  it('names the version that the server speaks when the client asks for several or for none', () => {
    for (const versions of [[], ['13', '13'], ['8', '13']]) {
      const lines = versions.map((version): [string, string] => ['Sec-WebSocket-Version', version]);
      const headers = HeaderList.from([...fields, ...lines]);
      const judged = new ServerHandshake().receive({
        method: 'GET',
        target: '/',
        httpVersion: '1.1',
        headers,
      });
      if (judged.kind !== 'refused') throw new Error(judged.kind);
      expect(judged.headers.getAll('Sec-WebSocket-Version')).toEqual(['13']);
    }
  });
});
