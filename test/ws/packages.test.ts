// Real packages on the drop-in, put in the place of ws as a user does it: a project with `overrides`, installed by npm. What is
// installed is kept in node_modules/.cache; our own two packages are packed and unpacked anew each time. Needs dist/ (npm run
// build), and the npm registry when nothing is kept.

import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, test } from 'vitest';

const here = join(dirname(fileURLToPath(import.meta.url)), 'packages');
const root = dirname(dirname(dirname(here)));
const programs = readdirSync(here).filter((name) => name.endsWith('.mjs') && name !== 'stage.mjs');

const manifest = readFileSync(join(here, 'package.json'), 'utf8');
const key = createHash('sha256').update(manifest).digest('hex').slice(0, 16);
const folder = join(root, 'node_modules', '.cache', 'fullduplex-ws-packages', key);

function npm(parameters: string[], cwd: string): void {
  const { status, stderr } = spawnSync('npm', parameters, { cwd, encoding: 'utf8' });
  if (status !== 0) throw new Error(`npm ${parameters.join(' ')} failed: ${stderr}`);
}

beforeAll(() => {
  if (!existsSync(join(root, 'dist/ws.js'))) throw new Error('dist/ is missing: npm run build');
  mkdirSync(folder, { recursive: true });
  const pack = ['pack', '--silent', '--ignore-scripts', '--pack-destination', folder];
  npm(pack, root);
  npm(pack, join(root, 'packages/ws'));
  writeFileSync(join(folder, 'package.json'), manifest);
  const isInstalled = join(folder, 'installed');
  if (!existsSync(isInstalled)) {
    // The checksums of our tarballs change with every build.
    rmSync(join(folder, 'package-lock.json'), { force: true });
    npm(['install', '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline'], folder);
    writeFileSync(isInstalled, '');
  }
  for (const [tarball, name] of [
    ['fullduplex-0.1.0.tgz', 'fullduplex'],
    ['fullduplex-ws-0.1.0.tgz', 'ws'],
  ]) {
    const target = join(folder, 'node_modules', name);
    rmSync(target, { recursive: true, force: true });
    mkdirSync(target);
    execFileSync('tar', ['-xzf', join(folder, tarball), '-C', target, '--strip-components=1']);
  }
  for (const name of readdirSync(here))
    if (name.endsWith('.mjs')) copyFileSync(join(here, name), join(folder, name));
}, 300_000);

describe('on the drop-in, by overrides', () => {
  test('ws is nowhere but ours', () => {
    const { name } = JSON.parse(readFileSync(join(folder, 'node_modules/ws/package.json'), 'utf8')) as {
      name: string;
    };
    expect(name).toBe('fullduplex-ws');
    const isBelow = ['-path', 'node_modules/ws', '-o', '-path', '*/node_modules/ws'];
    const { stdout } = spawnSync('find', ['node_modules', ...isBelow], { cwd: folder, encoding: 'utf8' });
    expect(stdout.trim()).toBe('node_modules/ws');
  });

  test.each(programs)(
    '%s runs',
    (program) => {
      const { stdout, stderr } = spawnSync(process.execPath, [program], { cwd: folder, encoding: 'utf8' });
      expect({
        stdout: stdout.trim().split('\n').at(-1),
        stderr: stdout.endsWith('done\n') ? '' : stderr,
      }).toEqual({
        stdout: 'done',
        stderr: '',
      });
    },
    60_000,
  );
});
