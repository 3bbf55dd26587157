// The soak and its criterion. That nothing grows is for its ten minutes to show (`npm run soak`); here, that it would
// be noticed.

import { describe, expect, test } from 'vitest';
import { runFuzzScript } from './fuzz-script.ts';

describe('npm run soak', () => {
  test('compares every message that comes back, and notices a server that keeps what it receives', async () => {
    const { exitCode, output } = await runFuzzScript('soak', '--minutes', '0.2', '--hoard');
    expect(output).toMatch(/server +heapUsed .* NOT FLAT/);
    expect(output).toMatch(/\d{3,} connections, \d{4,} echoes, \d{4,} broadcasts heard/);
    expect(output).not.toMatch(/soak: an echo|soak: heard/);
    expect(exitCode).toBe(1);
  }, 60_000);

  test('refuses a wrong option before it starts', async () => {
    const { exitCode, output } = await runFuzzScript('soak', '--minutes', 'nine');
    expect([exitCode, output]).toEqual([
      2,
      expect.stringContaining('--minutes is nine, expected a number above 0'),
    ]);
  });
});
