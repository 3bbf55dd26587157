// The soak and its criterion. That nothing grows is for its ten minutes to show (`npm run soak`); here, that it would
// be noticed.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const file = fileURLToPath(new URL('../../fuzz/soak.mjs', import.meta.url));

async function soak(...options: string[]): Promise<{ exitCode: unknown; output: string }> {
  const child = spawn(process.execPath, [file, ...options]);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const [exitCode] = await once(child, 'close');
  return { exitCode, output };
}

describe('npm run soak', () => {
  test('compares every message that comes back, and notices a server that keeps what it receives', async () => {
    const { exitCode, output } = await soak('--minutes', '0.2', '--hoard');
    expect(output).toMatch(/server +heapUsed .* NOT FLAT/);
    expect(output).toMatch(/\d{3,} connections, \d{4,} echoes, \d{4,} broadcasts heard/);
    expect(output).not.toMatch(/soak: an echo|soak: heard/);
    expect(exitCode).toBe(1);
  }, 60_000);

  test('refuses a wrong option before it starts', async () => {
    const { exitCode, output } = await soak('--minutes', 'nine');
    expect([exitCode, output]).toEqual([
      2,
      expect.stringContaining('--minutes is nine, expected a number above 0'),
    ]);
  });
});
