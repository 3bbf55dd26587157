// The bench is a measuring instrument, so its test asks whether it measures: that a report is complete, that the
// echoes were compared, and that a wrong echo is noticed. How fast anything is plays no part here.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bench, hasCompiler, serverFile } from './run-bench.ts';

const CONNECTIONS = 64;
const SERVERS = ['fullduplex', 'fullduplex-borrowed', 'fullduplex-iterator', 'ws', 'net'];

describe('npm run bench', () => {
  let directory = '';
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'fullduplex-bench-'));
  });
  afterAll(() => rmSync(directory, { recursive: true }));

  it('prints every column for every server and writes the same as JSON', async () => {
    const file = join(directory, 'report.json');
    const { exitCode, stdout, stderr } = await bench('--only', '20 B binary d16', '--json', file);
    expect(stderr).not.toContain('failed');
    expect(exitCode).toBe(0);

    const rows = stdout.split('\n').filter((line) => line.startsWith('| echo 20 B binary d16'));
    const [head = ''] = stdout.split('\n').filter((line) => line.startsWith('| workload'));
    const columns = head.split('|').map((cell) => cell.trim());
    expect(columns.slice(1, -1)).toEqual([
      'workload',
      'server',
      'server CPU us/message',
      'messages/s',
      'CPU ratio',
      'throughput ratio',
      'server busy',
      'generator busy',
      'verified echoes',
    ]);
    for (const [index, server] of SERVERS.entries()) {
      const cells = rows[index]?.split('|').map((cell) => cell.trim()) ?? [];
      expect(cells[2]).toBe(server);
      for (const column of [3, 4, 5, 6]) expect(cells[column]).toMatch(/^[\d.,]+ \([\d.,]+-[\d.,]+\)$/);
      for (const column of [7, 8]) expect(cells[column]).toMatch(/^\d+ %/);
      // 16 messages in flight on each connection, before the first round and after the last.
      expect(cells[9]).toBe('2,048');
    }
    expect(rows[SERVERS.indexOf('ws')]).toContain('1.00 (1.00-1.00)');

    const report: unknown = JSON.parse(readFileSync(file, 'utf8'));
    const entry = (server: string) => ({
      server,
      verifiedMessages: 2 * 16 * CONNECTIONS,
      rounds: [
        {
          messages: expect.any(Number),
          serverMicrosPerMessage: expect.any(Number),
          residentBytes: expect.any(Number),
        },
      ],
      figures: { cpuRatio: { median: expect.any(Number) }, generatorBusy: { median: expect.any(Number) } },
    });
    expect(report).toMatchObject({
      command: expect.stringContaining('npm run bench -- --rounds 1'),
      machine: { cpu: expect.any(String), cores: expect.any(Number) },
      versions: {
        fullduplex: expect.stringMatching(/^fullduplex \d/),
        ws: expect.stringMatching(/^ws \d.*bufferutil \d/),
        net: expect.stringContaining(process.version),
      },
      workloads: [{ workload: { kind: 'echo', connections: CONNECTIONS }, entries: SERVERS.map(entry) }],
    });
  });

  const generators = hasCompiler ? ['c', 'node'] : ['node'];
  it.for(generators)(
    'the %s generator notices one wrong byte on one of many connections',
    async (generator) => {
      const servers = `ws,${serverFile('corrupting')}`;
      const only = '1 KiB text d1';
      const { exitCode, stdout } = await bench(
        '--servers',
        servers,
        '--only',
        only,
        '--generator',
        generator,
      );
      // The last byte of 1 KiB; the Node generator counts the four bytes of the frame header as well.
      const byte = generator === 'c' ? 1023 : 1027;
      expect(stdout).toContain(`verification failed on connection 40: byte ${byte} of`);
      expect(stdout).toMatch(/\| echo 1 KiB text d1 +\| ws +\| +[\d.]+ \(/);
      expect(stdout).toMatch(/\| echo 1 KiB text d1 +\| corrupting +\| +failed /);
      expect(exitCode).toBe(1);
    },
  );

  it.runIf(hasCompiler)('the C generator reads fragments and answers pings between them', async () => {
    const { exitCode, stdout } = await bench(
      '--servers',
      serverFile('talkative'),
      '--only',
      '20 B binary d16',
    );
    expect(stdout).not.toContain('failed');
    expect(exitCode).toBe(0);
  });

  it('refuses a wrong option before anything is started, and says what is allowed', async () => {
    expect(await bench('--seconds', 'soon')).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('--seconds is a number above 0, not soon'),
    });
    expect(await bench('--only', '3 TiB')).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('--list'),
    });
  });
});
