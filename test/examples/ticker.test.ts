import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from 'vitest';
import { connect } from '../../src/index.ts';

const main = fileURLToPath(new URL('../../examples/ticker/main.mjs', import.meta.url));
const children: ChildProcess[] = [];

afterEach(() => {
  for (const child of children.splice(0)) child.kill();
});

async function start(): Promise<string> {
  const child = spawn(process.execPath, [main], {
    env: { ...process.env, PORT: '0' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  return line.toString().trim().replace('open ', '');
}

test('the ticker serves its page and pushes a price to everybody', async () => {
  const origin = await start();
  const page = await fetch(origin);
  expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
  expect(await page.text()).toContain('new WebSocket(`ws://${location.host}/prices`)');

  const watchers = await Promise.all([connect(`${origin}/prices`), connect(`${origin}/prices`)]);
  const prices = await Promise.all(
    watchers.map(async (connection) => {
      for await (const message of connection) return message;
      return undefined;
    }),
  );
  expect(prices[0]).toMatch(/^\d+\.\d\d$/);
  expect(prices[1]).toBe(prices[0]);
  await Promise.all(watchers.map((connection) => connection.close()));
});
