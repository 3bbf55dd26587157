// Whether the bench of slow subscribers measures: that the one which reads nothing fills up, and that the report is complete. How much it
// costs plays no part here.
import { expect, it } from 'vitest';
import { hasCompiler, rowOf, runBench } from './run-bench.ts';

it.runIf(hasCompiler || process.env['CI'] !== undefined)(
  'npm run bench:slow prints latency, CPU and memory with and without a subscriber that stops reading',
  async () => {
    const short = ['--pairs', '1', '--rounds', '1', '--seconds', '0.2', '--subscribers', '20'];
    const only = ['--only', 'volatile drop,log close'];
    const { exitCode, stdout, stderr } = await runBench('realtime/slow/run.mjs', [...short, ...only]);
    expect(stderr).not.toContain('Error');
    expect(exitCode).toBe(0);
    for (const policy of ['volatile drop', 'log close']) {
      const cells = rowOf(stdout, policy) ?? [];
      expect(cells).toHaveLength(8);
      for (const cell of cells.slice(1, 4)) expect(cell).toMatch(/^[\d.,]+, [\d.]+ \([\d.]+-[\d.]+\)$/);
      const waiting = Number(cells[4].replace(/ .*/, '').replaceAll(',', ''));
      if (policy === 'log close') expect(waiting).toBe(0);
      else expect(waiting).toBeGreaterThan(64 * 1024);
      expect(waiting).toBeLessThan(3 * 64 * 1024);
    }
  },
  120_000,
);
