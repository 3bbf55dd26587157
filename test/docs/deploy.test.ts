import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { connect } from '../../src/index.ts';
import { documented, substitute } from '../interop/documented.ts';
import { whenInstalled } from '../interop/peer.ts';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
let folder: string;
let child: ChildProcess | undefined;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'fullduplex-deploy-'));
});

afterEach(() => {
  child?.kill('SIGKILL');
  child = undefined;
  rmSync(folder, { recursive: true, force: true });
});

test('the process of docs/deploy.md is healthy, says goodbye on SIGTERM and ends by itself', async () => {
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(root, join(folder, 'node_modules', 'fullduplex'));
  const file = join(folder, 'main.mjs');
  writeFileSync(file, substitute(documented('ts'), { 8080: '0', 'overMs: 10_000': 'overMs: 0' }));
  child = spawn(process.execPath, [file], { stdio: ['ignore', 'pipe', 'inherit'] });
  const exit = once(child, 'exit');
  if (child.stdout === null) throw new Error('no output');
  const lines = createInterface({ input: child.stdout });
  const [url] = await once(lines, 'line');
  const health = `${url.replace('ws:', 'http:')}/healthz`;
  expect((await fetch(health)).status).toBe(200);
  expect((await fetch(health.replace('healthz', 'other'))).status).toBe(404);

  const client = await connect(`${url}/chat`, { origin: 'https://chat.example.com' });
  const other = await connect(`${url}/chat`);
  // A client that does not answer the goodbye at once leaves time to look.
  other.pause();
  child.kill('SIGTERM');
  expect(await client.closed).toMatchObject({ code: 1012, reason: 'restarting', clean: true });
  expect((await fetch(health)).status).toBe(503);
  await expect(connect(`${url}/chat`)).rejects.toMatchObject({ status: 503 });
  const report = once(lines, 'line');
  other.resume();
  expect(await other.closed).toMatchObject({ code: 1012, clean: true });
  const [text] = await report;
  expect(JSON.parse(text)).toMatchObject({ closed: 2, clean: 2, cut: 0, refused: 1, perCode: { 1012: 2 } });
  expect(await exit).toEqual([0, null]);
});

const systemd = {
  name: 'systemd-analyze',
  install: ['systemd'],
  probe: 'command -v systemd-analyze',
};

whenInstalled([systemd], () => {
  test('systemd finds nothing wrong with the unit of docs/deploy.md', () => {
    const unit = join(folder, 'chat.service');
    const verify = (text: string): { status: number | null; stderr: string } => {
      writeFileSync(unit, text);
      return spawnSync('systemd-analyze', ['verify', unit], { encoding: 'utf8' });
    };
    const shown = substitute(documented('ini'), { '/usr/bin/node': process.execPath });
    const ours = (output: string): string =>
      output
        .split('\n')
        .filter((line) => line.includes('chat.service'))
        .join('\n');
    expect(ours(verify(shown).stderr)).toBe('');
    expect(ours(verify(substitute(shown, { 'TimeoutStopSec=30': 'TimeoutStopSec=soon' })).stderr)).toContain(
      'Failed to parse time value',
    );
  });
});
