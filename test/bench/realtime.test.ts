// Whether the realtime bench measures: that every server delivers what was asked for, and that the report is complete. How fast
// anything is plays no part here.
import { expect, it } from 'vitest';
import { hasCompiler, runBench } from './run-bench.ts';

it.runIf(hasCompiler || process.env['CI'] !== undefined)(
  'npm run bench:realtime prints a row for each server and workload, and the bytes of a publication beyond its data',
  async () => {
    const short = ['--rounds', '1', '--seconds', '0.1', '--warm-up', '0.05', '--connections', '50'];
    const only = ['--only', 'publish to 1000 w16,idempotent calls d1,memory'];
    const { exitCode, stdout, stderr } = await runBench('realtime/run.mjs', [...short, ...only]);
    expect(stderr).not.toContain('Error');
    expect(exitCode).toBe(0);
    const rows = stdout
      .split('\n')
      .filter((line) => line.startsWith('| '))
      .map((line) => line.split('|').map((cell) => cell.trim()));
    const cells = (workload: string, server: string): string[] =>
      rows.find(([, name, by]) => name === workload && by === server) ?? [];
    for (const server of ['fullduplex', 'socket.io']) {
      expect(cells('publish to 1000 w16', server)[3]).toMatch(/^[\d.]+ .* per delivery$/);
      expect(cells('idempotent calls d1', server)[3]).toMatch(/^[\d.]+ .* per call$/);
      expect(rows.some(([, name, resident]) => name === server && /^-?[\d,]+ \(/.test(resident))).toBe(true);
    }
    // Several publications share a message: a bracket and a comma are added, and the publisher's replies.
    expect(Number(cells('publish to 1000 w16', 'fullduplex')[6])).toBeLessThan(20);
    expect(cells('publish to 1000 w16', 'socket.io')[4]).toBe('1.00 (1.00-1.00)');
  },
  60_000,
);
