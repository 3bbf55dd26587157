import { describe, expect, test } from 'vitest';
import { settle } from '../../src/testing.ts';
import { accepting, closedPort, rawServer, type RawServer, type Visit } from '../node/raw-server.ts';
import { connectProxy } from '../node/proxy/connect-proxy.ts';
import { runToEnd, Stage } from './command-stage.ts';

const close = (code: number, reason = ''): Buffer =>
  Buffer.from([0x88, 2 + reason.length, code >> 8, code & 0xff, ...Buffer.from(reason)]);
const frame = (opcode: number, payload: string | number[]): Buffer =>
  Buffer.from([0x80 | opcode, payload.length, ...Buffer.from(payload as string)]);

/** Accepts and sends these frames at once. */
function sayingServer(...frames: Buffer[]): Promise<RawServer> {
  return rawServer(
    (visit) => void visit.socket.end(Buffer.concat([Buffer.from(accepting(visit)), ...frames])),
  );
}

/** The payloads of the client's frames, as latin1, with their first byte; short frames only. */
function readFrames(bytes: Buffer): [number, string][] {
  const frames: [number, string][] = [];
  for (let at = 0; at + 6 <= bytes.length; ) {
    const length = (bytes[at + 1] ?? 0) & 0x7f;
    const key = bytes.subarray(at + 2, at + 6);
    const payload = bytes
      .subarray(at + 6, at + 6 + length)
      .map((byte, index) => byte ^ (key[index % 4] ?? 0));
    frames.push([bytes[at] ?? 0, Buffer.from(payload).toString('latin1')]);
    at += 6 + length;
  }
  return frames;
}

/** Accepts, collects what the client sends, and answers its close frame. */
async function listeningServer(): Promise<{
  server: RawServer;
  visits: Visit[];
  frames: () => [number, string][];
}> {
  let received = Buffer.alloc(0);
  const visits: Visit[] = [];
  const server = await rawServer((visit) => {
    visits.push(visit);
    visit.socket.on('data', (chunk: Buffer) => {
      const text = chunk.toString('latin1');
      if (text.startsWith('GET ')) return;
      received = Buffer.concat([received, chunk]);
      if (readFrames(received).some(([first]) => first === 0x88)) visit.socket.end(close(1000));
    });
    visit.socket.write(accepting(visit));
  });
  return { server, visits, frames: () => readFrames(received) };
}

const urlOf = (server: RawServer): string => `ws://127.0.0.1:${server.port}`;

describe('fullduplex connect prints', () => {
  test('text as lines and binary as lines of hex', async () => {
    await using server = await sayingServer(
      frame(1, 'one'),
      frame(1, 'two\x1b[0m'),
      frame(2, [0, 255]),
      close(1000),
    );
    const { exitCode, printed, complained } = await runToEnd(['connect', urlOf(server)]);
    expect([exitCode, printed, complained]).toEqual([0, 'one\ntwo\x1b[0m\n00ff\n', '']);
  });

  test('binary as it is with --raw', async () => {
    await using server = await sayingServer(frame(2, [0, 255]), frame(2, [10]), close(1000));
    const stage = new Stage(['connect', urlOf(server), '--raw']);
    expect(await stage.exitCode).toBe(0);
    expect([...stage.printedBytes]).toEqual([0, 255, 10]);
  });

  test('with a mark and without control characters in a terminal', async () => {
    await using server = await sayingServer(frame(1, 'a\tb\x1b[0m\r'), frame(2, [1, 2]), close(1000));
    const stage = new Stage(['connect', urlOf(server)], { isTTY: true });
    expect(await stage.exitCode).toBe(0);
    expect(stage.printed).toBe('< a\tb\\x1b[0m\\x0d\n< 2 bytes: 0102\n');
    expect(stage.complained).toBe('connected; a line and Enter sends it, Ctrl-D closes\n');
  });
});

describe('fullduplex connect sends', () => {
  test('each line as a text message, the last one also without an end, and closes with 1000', async () => {
    const { server, frames } = await listeningServer();
    await using _ = server;
    const { exitCode } = await runToEnd(['connect', urlOf(server), '--wait', '0'], 'one\r\n\ngrüße\nlast');
    expect(exitCode).toBe(0);
    expect(frames()).toEqual([
      [0x81, 'one'],
      [0x81, ''],
      [0x81, Buffer.from('grüße').toString('latin1')],
      [0x81, 'last'],
      [0x88, '\x03\xe8'],
    ]);
  });

  test('a line that comes in pieces as one message, at once', async () => {
    const { server, visits, frames } = await listeningServer();
    await using _ = server;
    const stage = new Stage(['connect', urlOf(server), '--wait', '0']);
    stage.stdin.write('hel');
    stage.stdin.write('lo\nnext');
    while (visits.length === 0 || frames().length === 0) await settle();
    expect(frames()).toEqual([[0x81, 'hello']]);
    stage.stdin.end();
    expect(await stage.exitCode).toBe(0);
  });

  test('binary messages with --binary', async () => {
    const { server, frames } = await listeningServer();
    await using _ = server;
    const stage = new Stage(['connect', urlOf(server), '--binary', '--wait', '0']);
    stage.stdin.end(Buffer.from([0xff, 0x0a, 0x41]));
    expect(await stage.exitCode).toBe(0);
    expect(frames().slice(0, 2)).toEqual([
      [0x82, '\xff'],
      [0x82, 'A'],
    ]);
  });

  test('headers, origin and subprotocols', async () => {
    const { server, visits } = await listeningServer();
    await using _ = server;
    const args = ['-H', 'X-A: b:c', '--header', 'X-D:e', '--origin', 'https://o.example'];
    expect(await runToEnd(['connect', urlOf(server), ...args, '--wait', '0'])).toMatchObject({ exitCode: 0 });
    expect(visits[0]?.head).toContain('\r\nX-A: b:c\r\nX-D: e\r\nOrigin: https://o.example');
    const refused = await runToEnd(['connect', urlOf(server), '-p', 'v1', '-p', 'v2']);
    expect(visits[1]?.head).toContain('\r\nSec-WebSocket-Protocol: v1, v2');
    expect(refused.exitCode).toBe(2);
  });
});

describe('fullduplex connect waits for replies at the end of the input', () => {
  async function waiting(...args: string[]) {
    const { server, visits, frames } = await listeningServer();
    const stage = new Stage(['connect', urlOf(server), ...args]);
    stage.stdin.end('question\n');
    while (frames().length === 0) await settle();
    return { server, stage, visits, frames };
  }

  test('for a second', async () => {
    const { server, stage, visits, frames } = await waiting();
    await using _ = server;
    await stage.clock.advanceAsync(999);
    visits[0]?.socket.write(frame(1, 'answer'));
    await stage.untilPrinted(/^answer\n$/);
    expect(frames()).toHaveLength(1);
    stage.clock.advance(1);
    expect(await stage.exitCode).toBe(0);
    expect(frames().at(-1)).toEqual([0x88, '\x03\xe8']);
  });

  test('for as long as --wait says, or forever', async () => {
    for (const [wait, waitMs] of [
      ['2.5', 2500],
      ['forever', undefined],
    ] as const) {
      const { server, stage, frames } = await waiting('--wait', wait);
      await using _ = server;
      await stage.clock.advanceAsync((waitMs ?? 1e9) - 1);
      expect(frames()).toHaveLength(1);
      if (waitMs === undefined) stage.interrupt();
      else stage.clock.advance(1);
      expect(await stage.exitCode).toBe(0);
    }
  });

  test('but not behind the end of the connection', async () => {
    const { server, stage, visits } = await waiting('--wait', '60');
    await using _ = server;
    visits[0]?.socket.end(close(1000));
    expect(await stage.exitCode).toBe(0);
    expect(stage.clock.pendingTimers).toBe(0);
  });
});

describe('fullduplex connect ends with', () => {
  test.each([1000, 1001])('0 when the server closes with %i, whatever the input does', async (code) => {
    await using server = await sayingServer(close(code));
    expect(await new Stage(['connect', urlOf(server)]).exitCode).toBe(0);
  });

  test('0 when it is interrupted, after a close with 1000', async () => {
    const { server, frames } = await listeningServer();
    await using _ = server;
    const stage = new Stage(['connect', urlOf(server)], { isTTY: true });
    await stage.untilComplained(/connected/);
    stage.interrupt();
    expect(await stage.exitCode).toBe(0);
    expect(frames()).toEqual([[0x88, '\x03\xe8']]);
  });

  test('2 when nobody listens', async () => {
    const port = await closedPort();
    const { exitCode, complained } = await runToEnd(['connect', `ws://127.0.0.1:${port}`]);
    expect(exitCode).toBe(2);
    expect(complained).toBe(
      `fullduplex: could not connect to 127.0.0.1:${port}: connect ECONNREFUSED 127.0.0.1:${port}\n`,
    );
  });

  test('2 when a proxy refuses, with the reason that it gives', async () => {
    await using proxy = await connectProxy({ credentials: 'a:b' });
    const args = ['connect', 'ws://x.test', '--proxy', `http://a:hunter2@127.0.0.1:${proxy.port}`];
    const { exitCode, complained } = await runToEnd(args);
    expect(exitCode).toBe(2);
    expect(complained).toMatch(
      /^fullduplex: the proxy 127\.0\.0\.1:\d+ refused a tunnel to x\.test:80 with 407 .*\nwho\?!\?\n$/,
    );
    expect(complained).not.toContain('hunter2');
  });

  test('2 when there are more redirects than --redirects allows, and 0 when it allows them', async () => {
    await using server = await rawServer((visit) => {
      const isThere = visit.head.startsWith('GET /there');
      const redirect = 'HTTP/1.1 307 There\r\nLocation: /there\r\nContent-Length: 0\r\n\r\n';
      visit.socket.end(isThere ? Buffer.concat([Buffer.from(accepting(visit)), close(1000)]) : redirect);
    });
    expect((await runToEnd(['connect', urlOf(server)])).exitCode).toBe(2);
    const args = ['connect', urlOf(server), '--proxy', 'none', '--redirects', '1'];
    expect((await runToEnd(args)).exitCode).toBe(0);
  });

  test('2 when the server refuses, with the reason that it gives', async () => {
    await using server = await rawServer((visit) => {
      visit.socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 9\r\n\r\ngo \x1b[7m!\n');
    });
    const { exitCode, complained } = await runToEnd(['connect', urlOf(server)]);
    expect(exitCode).toBe(2);
    expect(complained).toBe(
      'fullduplex: the server refused the handshake with 403 "Forbidden", expected 101 (RFC 6455 4.1)\ngo \\x1b[7m!\n',
    );
  });

  test('2 when the server is silent for longer than --timeout', async () => {
    await using server = await rawServer(() => undefined);
    const { exitCode, complained } = await runToEnd(['connect', urlOf(server), '--timeout', '0.001']);
    expect(exitCode).toBe(2);
    expect(complained).toMatch(/^fullduplex: no connection within 1 ms: /);
  });

  test('3 when the server closes with another code, which it names', async () => {
    await using server = await sayingServer(close(1011, 'broken'));
    const { exitCode, complained } = await runToEnd(['connect', urlOf(server)]);
    expect([exitCode, complained]).toEqual([
      3,
      'fullduplex: the server ended the connection with 1011 "broken"\n',
    ]);
  });

  test('3 when the connection breaks', async () => {
    await using server = await rawServer((visit) => void visit.socket.end(accepting(visit)));
    const { exitCode, complained } = await runToEnd(['connect', urlOf(server), '--wait', 'forever']);
    expect([exitCode, complained]).toEqual([
      3,
      'fullduplex: the network ended the connection with 1006: the peer ended the transport without a close frame\n',
    ]);
  });

  test('3 when the server breaks the protocol', async () => {
    await using server = await sayingServer(Buffer.from([0x83, 0]));
    const { exitCode, complained } = await runToEnd(['connect', urlOf(server)]);
    expect(exitCode).toBe(3);
    expect(complained).toMatch(/^fullduplex: this side ended the connection with 1002: .*opcode/);
  });
});
