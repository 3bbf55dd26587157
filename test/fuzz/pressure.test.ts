// The soak of backpressure and its criterion. That the bounds hold is for its five minutes to show (`npm run pressure`);
// here, that it would be noticed if they did not.

import { describe, expect, test } from 'vitest';
import { runFuzzScript } from './fuzz-script.ts';

describe('npm run pressure', () => {
  test('notices a server that keeps more than its bounds allow, and nothing else', async () => {
    const { exitCode, output } = await runFuzzScript(
      'pressure',
      '--minutes',
      '1',
      '--connections',
      '10',
      '--unbounded',
    );
    expect(output).toMatch(/pressure: \d+ bytes are kept, at most \d+/);
    expect(output).not.toMatch(/expected \d|ended with/);
    expect(exitCode).toBe(1);
  }, 90_000);

  test('refuses a wrong option before it starts', async () => {
    const { exitCode, output } = await runFuzzScript('pressure', '--minutes', 'nine');
    expect([exitCode, output]).toEqual([
      2,
      expect.stringContaining('--minutes is nine, expected a number above 0'),
    ]);
  });
});
