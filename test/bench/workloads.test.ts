// Workloads are run for a moment (in the long run all of them), so that none rots between the times when somebody reads its
// figures, and every kind of load is shown to notice what is wrong.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, type TestContext } from 'vitest';
import { bench, hasCompiler, listWorkloads, serverFile } from './run-bench.ts';

const isRequired = process.env['CI'] === 'true';
const needed = 'Debian: gcc libc6-dev zlib1g-dev libssl-dev openssl';

// The same as d1 with a gigabyte under way at a time.
const tooMuch = ['echo 1 MiB binary d16', 'echo 1 MiB binary d32'];
const names = listWorkloads('--full').filter((name) => !tooMuch.includes(name));

// Bun is a download of 90 MB and uWebSockets a clone: only where somebody asked for them.
const servers = [
  'fullduplex',
  'fullduplex-borrowed',
  'fullduplex-iterator',
  'fullduplex-ws',
  'ws',
  'ws-js',
  'net',
  'gorilla',
  'python-websockets',
  ...(isRequired ? ['bun'] : []),
  ...(process.env['UWEBSOCKETS'] === undefined ? [] : ['uwebsockets']),
];

interface Round {
  messages: number;
  messagesPerSecond: number;
  latencyMicros: { p50: number; p99: number };
}

interface Report {
  missing: Record<string, string>;
  workloads: {
    workload: { name: string; servers: string[] };
    entries: { server: string; failure?: string; verifiedMessages: number; rounds: Round[] }[];
  }[];
}

describe.runIf(hasCompiler || isRequired)(
  `the workloads of the bench (${needed})`,
  { timeout: 120_000 },
  () => {
    let directory = '';
    beforeAll(() => {
      directory = mkdtempSync(join(tmpdir(), 'fullduplex-bench-'));
    });
    afterAll(() => rmSync(directory, { recursive: true }));

    /** The only workload of the report; without it the test is skipped, or fails where nothing may be missing. */
    async function measure({ skip }: TestContext, name: string, servers_: string) {
      const file = join(directory, 'report.json');
      const { stderr } = await bench('--only', name, '--servers', servers_, '--json', file);
      expect(stderr).not.toContain('failed');
      const { missing, workloads }: Report = JSON.parse(readFileSync(file, 'utf8'));
      if (isRequired) expect(missing).toEqual({});
      const found = workloads.find(({ workload }) => workload.name === name);
      if (found === undefined) {
        expect(missing, `${name} is neither in the report nor left out`).toHaveProperty([name]);
        return skip(missing[name]);
      }
      for (const { server, verifiedMessages, rounds } of found.entries) {
        expect(verifiedMessages, server).toBeGreaterThan(0);
        expect(rounds[0]?.messages, server).toBeGreaterThan(0);
      }
      return { missing, ...found };
    }

    // One of each size of load: what differs from these in a number only is tried in the long run.
    const isLong = process.env['FULLDUPLEX_LONG'] !== undefined;
    const different = [
      'echo 20 B binary d32',
      'echo 16 KiB text d1',
      'echo 1 MiB binary d1',
      'echo 20 B d32 on 1',
      'echo 20 B d1 on 1000',
      'fan-out 100 B to 5000 d1',
      'deflate echo 1 KiB d16',
      'deflate fan-out 1 KiB to 1000 d16',
    ];
    const tried = isLong ? names : different;
    it.for(tried)('%s measures and verifies our server', async (name, context) => {
      const { entries } = await measure(context, name, 'fullduplex');
      expect(entries).toHaveLength(1);
    });

    // What every server has a part for.
    const oneOfEachKind = [
      'echo 1 KiB binary d16',
      'tls echo 1 KiB binary d16',
      'deflate echo 128 B d1',
      'fan-out 100 B to 1000 d1',
      'handshakes closed',
    ];
    // What is put together of these, or only the generator does otherwise: every server is tried in the long run.
    const furtherKinds = [
      'echo 1 KiB unicode d1',
      'deflate fan-out 1 KiB to 1000 d1',
      'handshakes cut',
      'latency 128 B at 20k/s',
    ];
    it('names workloads that there are', () => {
      expect(names).toEqual(expect.arrayContaining([...different, ...oneOfEachKind, ...furtherKinds]));
    });

    it.for(isLong ? [...oneOfEachKind, ...furtherKinds] : oneOfEachKind)(
      '%s measures every server',
      async (name, context) => {
        const { workload, entries, missing } = await measure(context, name, servers.join(','));
        const heardOf = [...entries.map(({ server }) => server), ...Object.keys(missing)];
        expect(new Set(heardOf)).toEqual(
          new Set(workload.servers.filter((server) => servers.includes(server))),
        );
      },
    );

    it.for(furtherKinds)('%s measures our server and ws', async (name, context) => {
      const { entries } = await measure(context, name, 'fullduplex,ws');
      expect(entries).toHaveLength(2);
    });

    it('compressed replies are inflated and compared', async (context) => {
      const name = 'deflate echo 1 KiB d1';
      const { entries } = await measure(context, name, 'ws');
      expect(entries[0]?.verifiedMessages).toBe(2 * 64);
      const { stdout } = await bench('--only', name, '--servers', serverFile('corrupting'));
      expect(stdout).toContain('verification failed on connection 40: byte 1023 of');
      const uncompressed = await bench('--only', name, '--servers', serverFile('uncompressing'));
      expect(uncompressed.stdout).toContain('a message came uncompressed');
    });

    it('a fan-out counts every delivery, and compares every byte that every subscriber got', async (context) => {
      const name = 'fan-out 100 B to 1000 d16';
      const { entries } = await measure(context, name, 'fullduplex');
      for (const { verifiedMessages, rounds } of entries) {
        expect(verifiedMessages).toBe(2 * 16 * 1000);
        expect((rounds[0]?.messages ?? 1) % 1000).toBe(0);
      }
      const { stdout, exitCode } = await bench('--only', name, '--servers', serverFile('miscarrying'));
      expect(stdout).toContain('verification failed on connection 700: byte 0 of');
      expect(exitCode).toBe(1);
    });

    it('a handshake counts only with its answer, and a close only with a close frame', async () => {
      const servers_ = `fullduplex,${serverFile('abrupt')}`;
      const closed = await bench('--only', 'handshakes closed', '--servers', servers_);
      expect(closed.stdout).toContain('the server ended it without a close frame');
      expect(closed.stdout).toMatch(/\| handshakes closed +\| fullduplex +\| +[\d.]+ \(/);
      expect(closed.exitCode).toBe(1);
      const cut = await bench('--only', 'handshakes cut', '--servers', servers_);
      expect(cut.stdout).not.toContain('failed');
    });

    it('what the generator in Node cannot do is left out and named', async () => {
      const { stdout, exitCode } = await bench(
        '--only',
        'handshakes closed,echo 20 B d1 on 1',
        '--generator',
        'node',
      );
      expect(stdout).toContain('- left out: handshakes closed: the generator in Node does plain echoes only');
      expect(stdout).toMatch(/\| echo 20 B d1 on 1 +\| ws +\| +[\d.]+ \(/);
      expect(exitCode).toBe(0);
    });

    it('latencies are percentiles of the time since a message was due', async (context) => {
      const { entries } = await measure(context, 'latency 128 B at 20k/s', `ws,${serverFile('pausing')}`);
      const [prompt, pausing] = entries.map(({ rounds }) => rounds[0]);
      expect(prompt?.messagesPerSecond).toBeLessThan(21_000);
      expect(prompt?.latencyMicros.p99).toBeGreaterThanOrEqual(prompt?.latencyMicros.p50 ?? Infinity);
      // It stands still for 100 ms of each 200: half of all messages are due while it does, and wait up to 100 ms.
      expect(pausing?.latencyMicros.p99).toBeGreaterThan(50_000);
      expect(pausing?.latencyMicros.p50).toBeGreaterThan(1000);
    });
  },
);
