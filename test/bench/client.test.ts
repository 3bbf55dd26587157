// The client bench has to measure every client, notice what a client gets wrong, and stand on an echo server that does
// what RFC 6455 asks for: frames that come in any pieces, control frames between them, and every mask.
import { spawn, spawnSync, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hasCompiler, rowOf, runBench } from './run-bench.ts';

const isRequired = process.env['CI'] === 'true';
const lying = fileURLToPath(new URL('clients/lying.mjs', import.meta.url));

const clientBench = (...options: string[]) =>
  runBench('client/run.mjs', ['--rounds', '1', '--seconds', '0.1', '--warm-up', '0.1', ...options]);

describe.runIf(hasCompiler || isRequired)('npm run bench:client', { timeout: 90_000 }, () => {
  let directory = '';
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'fullduplex-client-'));
  });
  afterAll(() => rmSync(directory, { recursive: true }));

  it('measures and verifies every client that can be had', async () => {
    const file = join(directory, 'report.json');
    const { exitCode, stdout, stderr } = await clientBench('--only', '20 B binary d32', '--json', file);
    expect(stderr).not.toContain('failed');
    expect(exitCode).toBe(0);
    const names = ['fullduplex', 'fullduplex-borrowed', 'fullduplex-events', 'fullduplex-iteration', 'ws'];
    for (const client of [...names, 'ws-events', 'node']) {
      const cells = rowOf(stdout, 'client 20 B binary d32', client) ?? [];
      for (const column of [2, 3, 4]) expect(cells[column], client).toMatch(/^[\d.,]+ \([\d.,]+-[\d.,]+\)$/);
      // 64 connections with 32 messages in flight, before the first round and after the last.
      expect(cells[7], client).toBe('4,096');
    }
    expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({
      versions: { ws: expect.stringMatching(/^ws \d.*bufferutil/) },
      workloads: [{ workload: { depth: 32 } }],
    });
  });

  it('runs every workload', async () => {
    const { stdout: list } = await clientBench('--list');
    const { exitCode, stdout } = await clientBench('--clients', 'fullduplex');
    expect(exitCode).toBe(0);
    const names = list.trim().split('\n');
    expect(names.length).toBeGreaterThan(3);
    for (const name of names) expect(rowOf(stdout, name, 'fullduplex')?.[3], name).toMatch(/^\d/);
  });

  it('notices a client that receives something else than was sent', async () => {
    const { exitCode, stdout } = await clientBench('--clients', `${lying},ws`, '--only', '1 KiB binary d1');
    expect(stdout).toContain('verification failed on connection 0: a reply is not what was sent');
    expect(rowOf(stdout, 'client 1 KiB binary d1', 'lying')?.[2]).toBe('failed');
    expect(rowOf(stdout, 'client 1 KiB binary d1', 'ws')?.[2]).toMatch(/^\d/);
    expect(exitCode).toBe(1);
  });

  it('refuses a client that it does not know', async () => {
    expect(await clientBench('--clients', 'wss')).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('not wss'),
    });
  });
});

describe.runIf(hasCompiler || isRequired)('the echo server of the client bench', () => {
  let directory = '';
  let server: ChildProcessWithoutNullStreams;
  let port = 0;
  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'fullduplex-echo-'));
    const program = join(directory, 'echo');
    const cwd = fileURLToPath(new URL('../../bench/client/echo/', import.meta.url));
    const flags = ['-g', '-std=gnu11', '-fsanitize=address,undefined', '-fno-sanitize-recover=all'];
    const built = spawnSync('cc', [...flags, '-o', program, 'main.c', 'accept-key.c'], {
      cwd,
      encoding: 'utf8',
    });
    expect(built.stderr).toBe('');
    server = spawn(program);
    const [line] = await new Promise<string[]>((resolve) => {
      createInterface({ input: server.stdout }).once('line', (text) => resolve([text]));
    });
    const announced: { port: number } = JSON.parse(line ?? '');
    port = announced.port;
  }, 60_000);
  afterAll(() => {
    server.stdin.end();
    rmSync(directory, { recursive: true });
  });

  function frame(firstByte: number, payload: Uint8Array, mask: readonly number[]): Buffer {
    const { length } = payload;
    const bytes = Buffer.alloc(2 + (length < 126 ? 0 : length < 65_536 ? 2 : 8));
    bytes[0] = firstByte;
    bytes[1] = 0x80 | (length < 126 ? length : length < 65_536 ? 126 : 127);
    if (bytes.length === 4) bytes.writeUInt16BE(length, 2);
    if (bytes.length === 10) bytes.writeBigUInt64BE(BigInt(length), 2);
    const masked = payload.map((byte, index) => byte ^ (mask[index & 3] ?? 0));
    return Buffer.concat([bytes, Buffer.from(mask), masked]);
  }

  function reply(firstByte: number, payload: Uint8Array): Buffer {
    const masked = frame(firstByte, payload, [0, 0, 0, 0]);
    const header = masked.subarray(0, masked.length - payload.length - 4);
    header[1] = (header[1] ?? 0) & 0x7f;
    return Buffer.concat([header, payload]);
  }

  /** Sends pieces one after the other and gives what came back, as soon as it is as long as expected. */
  function exchange(pieces: readonly Uint8Array[], bytesExpected: number, isSlow = false): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      const chunks: Buffer[] = [];
      let received = 0;
      let headBytes = 0;
      const socket: Socket = connect({ host: '127.0.0.1', port, noDelay: true });
      socket.on('error', reject);
      socket.on('close', () => reject(new Error(`closed after ${Buffer.concat(chunks).length} bytes`)));
      socket.write(
        'GET / HTTP/1.1\r\nHost: x\r\nsec-websocket-KEY:dGhlIHNhbXBsZSBub25jZQ==\r\nUpgrade: websocket\r\n\r\n',
      );
      const send = (at: number) => {
        const piece = pieces[at];
        if (isSlow && at === 0) readWhenStuck(socket);
        // One turn of the loop between two pieces, so that the server reads them apart.
        if (piece !== undefined) socket.write(piece, () => setImmediate(send, at + 1));
      };
      socket.on('data', (chunk) => {
        chunks.push(chunk);
        received += chunk.length;
        if (headBytes === 0) {
          const head = Buffer.concat(chunks);
          headBytes = head.indexOf('\r\n\r\n') + 4;
          if (headBytes < 4) {
            headBytes = 0;
            return;
          }
          // RFC 6455 1.3 gives this answer for this key.
          expect(head.toString('latin1')).toContain('Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n');
          send(0);
        }
        if (received - headBytes < bytesExpected) return;
        resolve(Buffer.concat(chunks).subarray(headBytes));
        socket.destroy();
      });
    });
  }

  /** Reads nothing until the server has taken nothing for many turns of the loop. */
  function readWhenStuck(socket: Socket): void {
    let last = -1;
    let turns = 0;
    socket.pause();
    const look = () => {
      turns = socket.bytesWritten - socket.writableLength === last ? turns + 1 : 0;
      last = socket.bytesWritten - socket.writableLength;
      if (turns < 2000) setImmediate(look);
      else socket.resume();
    };
    setImmediate(look);
  }

  const bytes = (length: number) => Uint8Array.from({ length }, (_, index) => (index * 7 + length) & 0xff);

  it('echoes every length of a frame, in one piece and byte by byte', async () => {
    const masks = [
      [1, 2, 3, 4],
      [0xff, 0, 0x80, 0x7f],
    ];
    const payloads = [0, 1, 3, 4, 7, 8, 9, 125, 126, 127, 1000, 65_535, 65_536].map(bytes);
    const sent = payloads.map((payload, index) => frame(0x82, payload, masks[index % 2] ?? []));
    const expected = Buffer.concat(payloads.map((payload) => reply(0x82, payload)));
    expect((await exchange(sent, expected.length)).equals(expected)).toBe(true);
    expect((await exchange([Buffer.concat(sent)], expected.length)).equals(expected)).toBe(true);
    const small = Buffer.concat(sent.slice(0, 10));
    const smallExpected = Buffer.concat(payloads.slice(0, 10).map((payload) => reply(0x82, payload)));
    const single = Array.from(small, (byte) => Uint8Array.of(byte));
    expect((await exchange(single, smallExpected.length)).equals(smallExpected)).toBe(true);
  });

  it('keeps fragments and answers a ping between them with its payload', async () => {
    const mask = [9, 8, 7, 6];
    const sent = [
      frame(0x01, bytes(5), mask),
      frame(0x89, bytes(125), mask),
      frame(0x80, bytes(6), mask),
      frame(0x88, Uint8Array.of(3, 232), mask),
    ];
    const expected = Buffer.concat([
      reply(0x01, bytes(5)),
      reply(0x8a, bytes(125)),
      reply(0x80, bytes(6)),
      reply(0x88, Uint8Array.of(3, 232)),
    ]);
    expect((await exchange(sent, expected.length)).equals(expected)).toBe(true);
  });

  it('keeps what a slow reader has not taken, and nothing is lost', async () => {
    const payload = bytes(3_000_000);
    const sent = Array.from({ length: 8 }, () => frame(0x82, payload, [5, 6, 7, 8]));
    const expected = Buffer.concat(sent.map(() => reply(0x82, payload)));
    expect((await exchange(sent, expected.length, true)).equals(expected)).toBe(true);
  });

  it('drops a connection whose frame is not masked', async () => {
    await expect(exchange([reply(0x82, bytes(5))], 7)).rejects.toThrow('closed after');
  });
});
