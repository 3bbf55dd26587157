// Every workload is run for a moment, so that none of them rots between the times when somebody reads its figures, and
// every kind of load is shown to notice what is wrong.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bench, hasCompiler, serverFile } from './run-bench.ts';

const isRequired = process.env['CI'] === 'true';

interface Report {
  missing: Record<string, string>;
  workloads: {
    workload: { name: string; servers: string[] };
    entries: { server: string; failure?: string; verifiedMessages: number; rounds: { messages: number }[] }[];
  }[];
}

describe.runIf(hasCompiler || isRequired)('the workloads of the bench', () => {
  let directory = '';
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'fullduplex-bench-'));
  });
  afterAll(() => rmSync(directory, { recursive: true }));

  async function reportOf(...options: string[]): Promise<Report> {
    const file = join(directory, 'report.json');
    const { stderr } = await bench(...options, '--json', file);
    expect(stderr).not.toContain('failed');
    const report: Report = JSON.parse(readFileSync(file, 'utf8'));
    return report;
  }

  it('each measures and verifies what it is compared with', { timeout: 180_000 }, async () => {
    const { stdout } = await bench('--full', '--list');
    const names = stdout.trim().split('\n');
    const { workloads, missing } = await reportOf('--full', '--servers', 'ws');
    if (isRequired) expect(missing).toEqual({});
    const heardOf = [...workloads.map(({ workload }) => workload.name), ...Object.keys(missing)];
    expect(new Set(heardOf)).toEqual(new Set(names));
    for (const { workload, entries } of workloads) {
      expect(entries, workload.name).toMatchObject([{ server: 'ws' }]);
      expect(entries[0]?.verifiedMessages, workload.name).toBeGreaterThan(0);
      expect(entries[0]?.rounds[0]?.messages, workload.name).toBeGreaterThan(0);
    }
  });

  const oneOfEachKind = [
    'echo 1 KiB binary d16',
    'echo 1 KiB unicode d1',
    'fan-out 100 B to 1000 d1',
    'handshakes closed',
    'handshakes cut',
  ];
  it.for(oneOfEachKind)('%s measures every server', { timeout: 120_000 }, async (name) => {
    const { workloads, missing } = await reportOf('--full', '--only', name);
    if (isRequired) expect(missing).toEqual({});
    const [{ workload, entries } = { workload: { servers: [] }, entries: [] }] = workloads;
    const heardOf = [...entries.map(({ server }) => server), ...Object.keys(missing)];
    expect(new Set(heardOf)).toEqual(new Set(workload.servers));
    for (const { server, verifiedMessages, rounds } of entries) {
      expect(verifiedMessages, server).toBeGreaterThan(0);
      expect(rounds[0]?.messages, server).toBeGreaterThan(0);
    }
  });

  it('compressed replies are inflated and compared', async () => {
    const only = ['--only', 'deflate echo 1 KiB d1'];
    const { workloads } = await reportOf(...only, '--servers', 'ws');
    expect(workloads[0]?.entries[0]?.verifiedMessages).toBe(2 * 64);
    const { stdout } = await bench(...only, '--servers', serverFile('corrupting'));
    expect(stdout).toContain('verification failed on connection 40: byte 1023 of');
    const uncompressed = await bench(...only, '--servers', serverFile('uncompressing'));
    expect(uncompressed.stdout).toContain('a message came uncompressed');
  });

  it('a fan-out counts every delivery, and compares every byte that every subscriber got', async () => {
    const only = ['--only', 'fan-out 100 B to 1000 d16'];
    const { workloads } = await reportOf(...only);
    const [{ entries } = { entries: [] }] = workloads;
    expect(entries.map(({ server }) => server)).toEqual(['fullduplex', 'ws', 'net']);
    for (const { verifiedMessages, rounds } of entries) {
      expect(verifiedMessages).toBe(2 * 16 * 1000);
      expect((rounds[0]?.messages ?? 1) % 1000).toBe(0);
    }
    const { stdout, exitCode } = await bench(...only, '--servers', serverFile('miscarrying'));
    expect(stdout).toContain('verification failed on connection 700: byte 0 of');
    expect(exitCode).toBe(1);
  });
});
