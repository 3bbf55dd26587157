import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HandshakeError } from '../../../src/protocol/handshake/handshake-error.ts';
import { HeaderList } from '../../../src/protocol/handshake/header-list.ts';
import {
  encodeLatin1,
  formatRequestHead,
  formatResponseHead,
} from '../../../src/protocol/handshake/http-head.ts';
import {
  type HeadLimits,
  type HeadResult,
  RequestHeadParser,
  ResponseHeadParser,
} from '../../../src/protocol/handshake/http-head-parser.ts';
import { cutAt, feedEveryWay, textOf } from './feeding.ts';

interface Parser<Head> {
  receive(chunk: Uint8Array): HeadResult<Head>;
}

/** Feeds chunks until the parser has said something; gives that and all bytes that it did not use. */
function feed<Head>(parser: Parser<Head>, chunks: readonly Uint8Array[]): [HeadResult<Head>, string] {
  for (const [index, chunk] of chunks.entries()) {
    const result = parser.receive(chunk);
    if (result.kind === 'complete') return [result, textOf(result.remaining, ...chunks.slice(index + 1))];
    if (result.kind === 'invalid') return [result, ''];
  }
  return [{ kind: 'incomplete' }, ''];
}

/** Gives the error of a request that has to be invalid in whatever way it is cut. */
function requestError(text: string, limits?: Partial<HeadLimits>): HandshakeError {
  let error: HandshakeError | undefined;
  feedEveryWay(text, (chunks) => {
    const [result] = feed(new RequestHeadParser(limits), chunks);
    if (result.kind !== 'invalid') throw new Error(`the request is ${result.kind}`);
    expect(result.error).toBeInstanceOf(HandshakeError);
    expect(result.error.message).toBe((error ?? result.error).message);
    error = result.error;
  });
  if (error === undefined) throw new Error('nothing was fed');
  return error;
}

describe('RequestHeadParser', () => {
  it('reads the request line, the headers in order, and leaves what is behind them', () => {
    const text =
      'GET /chat?a=b HTTP/1.1\r\nHost: h\r\nX-Empty:\r\nX-Name: \t caf\u00e9 au lait \r\nx-name:2\r\n\r\n';
    feedEveryWay(`${text}\u0081\u0080\r\n\r\n`, (chunks) => {
      const parser = new RequestHeadParser();
      const [result, rest] = feed(parser, chunks);
      if (result.kind !== 'complete') throw new Error(result.kind);
      const { headers, ...line } = result.head;
      expect(line).toEqual({ method: 'GET', target: '/chat?a=b', httpVersion: '1.1' });
      expect([...headers]).toEqual([
        ['Host', 'h'],
        ['X-Empty', ''],
        ['X-Name', 'caf\u00e9 au lait'],
        ['x-name', '2'],
      ]);
      expect(rest).toBe('\u0081\u0080\r\n\r\n');
      expect(parser.receivedBytes).toBe(text.length);
    });
  });

  it('reads a head without headers', () => {
    feedEveryWay('GET / HTTP/1.1\r\n\r\n', (chunks) => {
      const [result] = feed(new RequestHeadParser(), chunks);
      expect(result.kind).toBe('complete');
    });
  });

  it('waits for the end of the head', () => {
    feedEveryWay('GET / HTTP/1.1\r\nHost: h\r\n\r', (chunks) => {
      expect(feed(new RequestHeadParser(), chunks)).toEqual([{ kind: 'incomplete' }, '']);
    });
    expect(new RequestHeadParser().receive(new Uint8Array(0))).toEqual({ kind: 'incomplete' });
  });

  it('gives what remains as a view of the chunk, without a copy', () => {
    const chunk = encodeLatin1('GET / HTTP/1.1\r\n\r\nrest');
    const result = new RequestHeadParser().receive(chunk);
    if (result.kind !== 'complete') throw new Error(result.kind);
    expect(result.remaining.buffer).toBe(chunk.buffer);
  });

  it('finds a wrong byte at once, not at the end of the line', () => {
    const parser = new RequestHeadParser();
    expect(parser.receive(encodeLatin1('GET /\u0000')).kind).toBe('invalid');
    expect(new RequestHeadParser().receive(encodeLatin1('\n')).kind).toBe('invalid');
    expect(new RequestHeadParser().receive(encodeLatin1('GET / HTTP/1.1\r\nA: b\rc')).kind).toBe('invalid');
  });

  it('says where a wrong byte is', () => {
    expect(requestError('GET / HTTP/1.1\r\nA: b\n').message).toBe(
      'the head has an LF without CR before it, expected CRLF (RFC 9112 2.2), at offset 20',
    );
  });

  it('finds a wrong line at its end, not at the end of the head', () => {
    expect(new RequestHeadParser().receive(encodeLatin1('SSH-2.0-OpenSSH\r\n')).kind).toBe('invalid');
    expect(new RequestHeadParser().receive(encodeLatin1('GET / HTTP/1.1\r\nbad\r\n')).kind).toBe('invalid');
  });

  it('stays invalid once it is', () => {
    const parser = new RequestHeadParser();
    const first = parser.receive(encodeLatin1('\n'));
    expect(parser.receive(encodeLatin1('GET / HTTP/1.1\r\n\r\n'))).toEqual(first);
  });

  it('throws when it is fed after the head is complete, because the bytes belong to others', () => {
    const parser = new RequestHeadParser();
    parser.receive(encodeLatin1('GET / HTTP/1.1\r\n\r\n'));
    expect(() => parser.receive(new Uint8Array(1))).toThrow(
      expect.objectContaining({ code: 'WS_STATE_INVALID' }),
    );
  });

  it('takes a head of exactly maxHeaderBytes and refuses one byte more with 431', () => {
    const text = `GET / HTTP/1.1\r\nA: ${'x'.repeat(79)}\r\n\r\n`;
    feedEveryWay(`${text}rest`, (chunks) => {
      const [result, rest] = feed(new RequestHeadParser({ maxHeaderBytes: text.length }), chunks);
      expect(result.kind).toBe('complete');
      expect(rest).toBe('rest');
    });
    const error = requestError(text, { maxHeaderBytes: text.length - 1 });
    expect(error).toMatchObject({ code: 'WS_HANDSHAKE_HEADERS_TOO_LARGE', status: 431 });
    expect(error.message).toContain('maxHeaderBytes');
  });

  it('takes maxHeaderCount headers and refuses one more with 431', () => {
    const text = 'GET / HTTP/1.1\r\nA: 1\r\nA: 2\r\nA: 3\r\n\r\n';
    expect(feed(new RequestHeadParser({ maxHeaderCount: 3 }), [encodeLatin1(text)])[0].kind).toBe('complete');
    const error = requestError(text, { maxHeaderCount: 2 });
    expect(error).toMatchObject({ code: 'WS_HANDSHAKE_HEADERS_TOO_LARGE', status: 431 });
    expect(error.message).toContain('maxHeaderCount');
  });

  it('refuses thousands of headers by default', () => {
    const text = `GET / HTTP/1.1\r\n${'A: b\r\n'.repeat(2_000)}\r\n`;
    expect(feed(new RequestHeadParser(), [encodeLatin1(text)])[0]).toMatchObject({
      kind: 'invalid',
      error: { code: 'WS_HANDSHAKE_HEADERS_TOO_LARGE', status: 431 },
    });
  });

  it('never keeps more than the limit of an endless line, however it arrives', () => {
    for (const bytesAtOnce of [1, 1000, 1_000_000]) {
      const parser = new RequestHeadParser();
      const chunk = encodeLatin1('x'.repeat(bytesAtOnce));
      let fed = 0;
      while (parser.receive(chunk).kind === 'incomplete') fed += bytesAtOnce;
      expect(fed).toBeLessThanOrEqual(16 * 1024);
      expect(parser.receivedBytes).toBe(16 * 1024);
    }
  });

  it('does not depend on the memory of a chunk after the call', () => {
    const parser = new RequestHeadParser();
    const chunk = encodeLatin1('GET /chat HTT');
    parser.receive(chunk);
    chunk.fill(0);
    const result = parser.receive(encodeLatin1('P/1.1\r\n\r\n'));
    expect(result).toMatchObject({ kind: 'complete', head: { target: '/chat' } });
  });

  it.each([0, -1, 1.5, NaN, '5'])('refuses the limit %j', (limit) => {
    const options: object = { maxHeaderBytes: limit };
    expect(() => new RequestHeadParser(options)).toThrow(/option maxHeaderBytes/);
    const countOptions: object = { maxHeaderCount: limit };
    expect(() => new RequestHeadParser(countOptions)).toThrow(/option maxHeaderCount/);
  });
});

describe('both parsers', () => {
  // Mostly what a head is made of, so that the random texts get past the first line.
  const piece = fc.constantFrom(
    'GET / HTTP/1.1\r\n',
    'HTTP/1.1 101 Switching Protocols\r\n',
    'HTTP/1.1 200\r\n',
    'Upgrade: websocket\r\n',
    'A:',
    ' ',
    '\t',
    '\r',
    '\n',
    '\r\n',
    '\u0000',
    '\u00ff',
    'x',
    ':',
    '"',
    '\\',
  );
  const text = fc.oneof(
    fc.array(piece, { maxLength: 20 }).map((pieces) => pieces.join('')),
    fc.uint8Array({ maxLength: 60 }).map((bytes) => textOf(bytes)),
  );

  it('say the same of any bytes however they are cut, and never throw', () => {
    fc.assert(
      fc.property(text, fc.array(fc.nat({ max: 200 }), { maxLength: 6 }), (given, cuts) => {
        const bytes = encodeLatin1(given);
        for (const make of [() => new RequestHeadParser(), () => new ResponseHeadParser()]) {
          const outcome = (chunks: readonly Uint8Array[]): unknown => {
            const [result, rest] = feed<object>(make(), chunks);
            if (result.kind === 'invalid') return result.error.message;
            return result.kind === 'complete' ? { head: JSON.stringify(result.head), rest } : 'incomplete';
          };
          const whole = outcome([bytes]);
          expect(outcome(cutAt(bytes, [...bytes.keys()]))).toEqual(whole);
          expect(outcome(cutAt(bytes, cuts))).toEqual(whole);
        }
      }),
      { numRuns: 1000 },
    );
  });

  const token = fc.stringMatching(/^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,10}$/);
  const value = fc.stringMatching(/^[\t\x20-\x7e\x80-\xff]{0,20}$/);
  const headers = fc.array(fc.tuple(token, value), { maxLength: 10 });

  it('read whatever is written', () => {
    const target = fc.stringMatching(/^[\x21-\x7e]{1,20}$/);
    const reason = fc.stringMatching(/^[\t\x20-\x7e\x80-\xff]{0,20}$/);
    fc.assert(
      fc.property(token, target, headers, (method, path, fields) => {
        const list = HeaderList.from(fields);
        const [result] = feed(new RequestHeadParser(), [
          encodeLatin1(formatRequestHead({ method, target: path, headers: list })),
        ]);
        if (result.kind !== 'complete') throw new Error(JSON.stringify(result));
        expect(result.head).toMatchObject({ method, target: path, httpVersion: '1.1' });
        expect([...result.head.headers]).toEqual([...list]);
      }),
    );
    fc.assert(
      fc.property(fc.integer({ min: 100, max: 999 }), reason, headers, (status, phrase, fields) => {
        const list = HeaderList.from(fields);
        const [result] = feed(new ResponseHeadParser(), [
          encodeLatin1(formatResponseHead({ status, reason: phrase, headers: list })),
        ]);
        if (result.kind !== 'complete') throw new Error(JSON.stringify(result));
        expect(result.head).toMatchObject({ status, reason: phrase, httpVersion: '1.1' });
        expect([...result.head.headers]).toEqual([...list]);
      }),
    );
  });
});
