import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';

const main = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
const children: ChildProcess[] = [];

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

function start(...args: string[]) {
  const child = spawn(process.execPath, [main, ...args], { stdio: ['pipe', 'pipe', 'pipe'] });
  children.push(child);
  const output = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk: Buffer) => {
    output.stdout += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    output.stderr += chunk.toString();
  });
  const exit = once(child, 'close').then(([code]: unknown[]) => ({ code, ...output }));
  return { child, output, exit };
}

async function startEcho(): Promise<{ child: ChildProcess; url: string; exit: Promise<{ code: unknown }> }> {
  const { child, output, exit } = start('echo', '--port', '0');
  while (!output.stdout.includes('\n')) await once(child.stdout, 'data');
  return { child, url: output.stdout.replace('echo server on ', '').trim(), exit };
}

beforeAll(() => {
  if (!existsSync(main)) throw new Error('dist/cli/main.js is missing, expected a build: npm run build');
});

describe('the fullduplex command as a process', () => {
  test('sends what is piped in, prints the replies and ends with 0', async () => {
    const echo = await startEcho();
    const client = start('connect', echo.url, '--wait', '0');
    client.child.stdin.end('one\ntwo\n');
    expect(await client.exit).toEqual({ code: 0, stdout: 'one\ntwo\n', stderr: '' });
  });

  test('ends with 0 on SIGTERM: the server tells its clients, whose end is normal too', async () => {
    const echo = await startEcho();
    const client = start('connect', echo.url);
    client.child.stdin.write('hello\n');
    await once(client.child.stdout, 'data');
    echo.child.kill('SIGTERM');
    expect(await echo.exit).toMatchObject({ code: 0 });
    // Although its input is still open.
    expect(await client.exit).toEqual({ code: 0, stdout: 'hello\n', stderr: '' });
  });

  test('ends when nobody reads what it prints', async () => {
    const echo = await startEcho();
    const client = start('connect', echo.url, '--wait', 'forever');
    client.child.stdin.write('hello\n');
    await once(client.child.stdout, 'data');
    client.child.stdout.destroy();
    client.child.stdin.write('hello again\n');
    expect((await client.exit).code).toBe(0);
  });

  test('ends with the code of what went wrong', async () => {
    const [usage, refused] = [start('connect'), start('connect', 'ws+unix:/nowhere.sock')];
    expect((await usage.exit).code).toBe(1);
    expect((await refused.exit).code).toBe(2);
  });
});
