// Messages that are larger than the memory that anybody has for them: a stream of 1 GiB in each direction, in processes of
// their own, checked by a hash of every byte. What each side keeps meanwhile does not grow.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const MiB = 1024 * 1024;
const file = fileURLToPath(new URL('stream-stage.mjs', import.meta.url));

interface Report {
  readonly bytes: number;
  readonly messages: number;
  readonly hash: string;
  readonly retainedBytes: number;
  readonly residentBytes: number;
}

class Side {
  readonly #child: ReturnType<typeof spawn>;
  readonly #lines: AsyncIterator<string>;
  readonly #exited: Promise<unknown>;

  constructor(...args: string[]) {
    this.#child = spawn(process.execPath, ['--expose-gc', file, ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.#exited = once(this.#child, 'exit');
    if (this.#child.stdout === null) throw new Error('no output');
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  async line(): Promise<string> {
    const { value, done } = await this.#lines.next();
    if (done === true) throw new Error('the process said nothing more');
    return value;
  }

  async report(): Promise<Report> {
    const report = JSON.parse(await this.line()) as Report;
    await this.#exited;
    return report;
  }

  kill(): void {
    this.#child.kill();
  }
}

async function stream(
  serverTask: 'send' | 'receive',
  clientTask: 'send' | 'receive' | 'sendWithWs',
  bytes: number,
  compression: 'deflate' | 'plain',
): Promise<void> {
  const server = new Side('server', serverTask, String(bytes), compression);
  const client = new Side('client', clientTask, String(bytes), compression, await server.line());
  try {
    const reports = await Promise.all([server.report(), client.report()]);
    for (const report of reports) {
      expect(report).toMatchObject({ bytes, messages: 1, hash: reports[0].hash });
      expect(report.retainedBytes).toBeLessThan(4 * MiB);
      // V8 doubles its young generation when it likes, to 32 MiB at most.
      expect(report.residentBytes).toBeLessThan(64 * MiB);
    }
  } finally {
    server.kill();
    client.kill();
  }
}

// The long test streams 1 GiB of what is compressed and of fragments too; otherwise they pass twice of what may be kept.
const otherBytes = process.env.FULLDUPLEX_LONG === '1' ? 1024 * MiB : 128 * MiB;
const timeoutMs = 120_000;

describe('one message that is larger than memory', () => {
  test(
    'of 1 GiB goes from a server to a client',
    () => stream('send', 'receive', 1024 * MiB, 'plain'),
    timeoutMs,
  );
  test(
    'of 1 GiB goes from a client to a server',
    () => stream('receive', 'send', 1024 * MiB, 'plain'),
    timeoutMs,
  );
  test(
    'goes from a server to a client compressed',
    () => stream('send', 'receive', otherBytes, 'deflate'),
    timeoutMs,
  );
  test(
    'goes from a client to a server compressed',
    () => stream('receive', 'send', otherBytes, 'deflate'),
    timeoutMs,
  );
  test('comes from ws in fragments', () => stream('receive', 'sendWithWs', otherBytes, 'plain'), timeoutMs);
});
