// The memory bench is asked about a server whose memory is known: it has to see what each connection holds, that it is
// given back, and by which constructor it was held.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { rowOf, runBench, serverFile } from './run-bench.ts';

const memory = (...options: readonly string[]) =>
  runBench('memory/run.mjs', ['--connections', '100', ...options]);

// On a busy machine some hundred handshakes and a heap snapshot take their time.
describe('npm run bench:memory', { timeout: 90_000 }, () => {
  let directory = '';
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'fullduplex-memory-'));
  });
  afterAll(() => rmSync(directory, { recursive: true }));

  it('sees what a connection holds on the heap and outside, and that it is given back', async () => {
    const file = join(directory, 'memory.json');
    const { exitCode, stdout, stderr } = await memory(
      '--servers',
      serverFile('hoarding'),
      '--states',
      'message',
      '--json',
      file,
    );
    expect(stderr).not.toContain('failed');
    expect(exitCode).toBe(0);
    const [, , resident, heapUsed, external, arrayBuffers, , heapLeft] = (
      rowOf(stdout, 'message', 'hoarding') ?? []
    ).map((cell) => Number.parseFloat(cell));
    expect(resident).toBeGreaterThan(30);
    expect(heapUsed).toBeGreaterThan(25);
    expect(heapUsed).toBeLessThan(40);
    expect(arrayBuffers).toBeGreaterThan(49);
    expect(arrayBuffers).toBeLessThan(55);
    expect(external).toBeGreaterThan(49);
    // The 200 connections from before the first sample are gone as well, so less is left than there was.
    expect(heapLeft).toBeLessThan(-30);
    expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({
      connections: 100,
      entries: [
        { server: 'hoarding', state: 'message', rounds: [{ idle: { heapUsedBytes: expect.any(Number) } }] },
      ],
    });
  });

  it('names the constructor that holds the memory, with what would go with it', async () => {
    const { exitCode, stdout } = await memory(
      '--servers',
      serverFile('hoarding'),
      '--states',
      'plain',
      '--heap',
    );
    expect(exitCode).toBe(0);
    const [, heldBy, count, ownBytes, dominatedBytes] = rowOf(stdout, 'Hoard') ?? [];
    expect(heldBy).toMatch(/^\(array\)/);
    expect(count).toBe('1.00');
    expect(Number(ownBytes)).toBeLessThan(100);
    expect(Number(dominatedBytes)).toBeGreaterThan(25 * 1024);
  });

  it('measures every server in every state that it can be in', async () => {
    const servers = ['fullduplex', 'ws', 'net', 'http'];
    const { exitCode, stdout, stderr } = await memory('--servers', servers.join(','));
    expect(stderr).not.toContain('failed');
    expect(exitCode).toBe(0);
    for (const state of ['plain', 'message', 'deflate', 'takeover']) {
      for (const server of state === 'plain' || state === 'message' ? servers : ['fullduplex', 'ws']) {
        expect(rowOf(stdout, state, server)?.[2], `${server} ${state}`).toMatch(/^-?\d+\.\d\d$/);
      }
    }
  });

  it('refuses a wrong option before anything is started, and says what is allowed', async () => {
    expect(await memory('--states', 'plain,asleep')).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('takeover, not asleep'),
    });
  });
});
