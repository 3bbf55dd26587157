import { execFileSync, spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
let folder: string;
let tarball: string;
let installed: string;

function filesBelow(path: string): string[] {
  return readdirSync(path, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? filesBelow(join(path, entry.name)) : [join(path, entry.name)],
  );
}

// The package as a user gets it: packed, then unpacked into the node_modules of an empty project.
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'fullduplex-package-'));
  const packed: unknown = JSON.parse(
    execFileSync('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], {
      cwd: root,
      encoding: 'utf8',
    }),
  );
  const [first] = Array.isArray(packed) ? packed : [];
  tarball = join(folder, String(first.filename));
  installed = join(folder, 'node_modules', 'fullduplex');
  mkdirSync(installed, { recursive: true });
  execFileSync('tar', ['-xzf', tarball, '-C', installed, '--strip-components=1']);
  writeFileSync(join(folder, 'package.json'), '{ "name": "user", "type": "module", "private": true }');
}, 60_000);

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe('the packed package', { timeout: 120_000 }, () => {
  test('has no runtime dependencies and an MIT license', () => {
    const manifest: { dependencies?: unknown; license: string } = JSON.parse(
      readFileSync(join(installed, 'package.json'), 'utf8'),
    );
    expect(manifest.dependencies).toBeUndefined();
    expect(manifest.license).toBe('MIT');
    expect(readFileSync(join(installed, 'LICENSE'), 'utf8')).toContain('MIT License');
  });

  test('holds no tests, no tools and no paths of the machine that packed it', () => {
    const files = filesBelow(installed);
    expect(files.length).toBeGreaterThan(100);
    for (const file of files) {
      expect(file).not.toMatch(/\/(test|bench|tools|node_modules)\/.*\/fullduplex\//);
      expect(readFileSync(file, 'utf8')).not.toContain(root);
    }
  });

  test('source maps point to sources that are in the package', () => {
    const maps = filesBelow(join(installed, 'dist')).filter((file) => file.endsWith('.map'));
    expect(maps.length).toBeGreaterThan(50);
    for (const file of maps) {
      const map: { sources: string[]; sourceRoot?: string } = JSON.parse(readFileSync(file, 'utf8'));
      for (const source of map.sources) {
        const path = resolve(dirname(file), map.sourceRoot ?? '', source);
        expect(existsSync(path), `${file} names ${path}`).toBe(true);
      }
    }
  });

  test('every entry can be imported by its name', () => {
    const manifest: { exports: Record<string, unknown> } = JSON.parse(
      readFileSync(join(installed, 'package.json'), 'utf8'),
    );
    const entries = Object.keys(manifest.exports).filter((entry) => !entry.endsWith('.json'));
    expect(entries).toContain('.');
    for (const entry of entries) {
      const name = `fullduplex${entry.slice(1)}`;
      const run = spawnSync(
        process.execPath,
        ['--input-type=module', '-e', `console.log(Object.keys(await import('${name}')).length)`],
        { cwd: folder, encoding: 'utf8' },
      );
      expect(run.stderr).toBe('');
      expect(Number(run.stdout)).toBeGreaterThan(0);
    }
  });

  test('types compile for a user under strict settings, on Node and for a browser', () => {
    writeFileSync(
      join(folder, 'user.ts'),
      `import { connect, serve, type ClosedInfo, type Message } from 'fullduplex';
import { Protocol } from 'fullduplex/protocol';
import { connectionPair } from 'fullduplex/testing';
const server = await serve(
  { port: 0, upgrade: () => ({ data: { name: 'x' } }) },
  { message(connection, message) { const name: string = connection.data.name; connection.send(name + message.length); } },
);
const connection = await connect(server.url);
for await (const message of connection) { const kind: Message = message; console.log(kind); }
const info: ClosedInfo = await connection.closed;
console.log(info.code, typeof Protocol, connectionPair().client.readyState);
`,
    );
    const compile = (options: string[]): string =>
      spawnSync(
        process.execPath,
        [
          join(root, 'node_modules/typescript/bin/tsc'),
          '--noEmit',
          '--strict',
          '--exactOptionalPropertyTypes',
          '--noUncheckedIndexedAccess',
          '--target',
          'es2022',
          '--lib',
          'es2023,esnext.disposable,dom,dom.iterable,dom.asynciterable',
          ...options,
          'user.ts',
        ],
        { cwd: folder, encoding: 'utf8' },
      ).stdout;
    // @types/node is what a Node user has installed; it is lent from here.
    const types = ['--typeRoots', join(root, 'node_modules/@types'), '--types', 'node'];
    expect(compile(['--module', 'nodenext', ...types])).toBe('');
    expect(compile(['--module', 'esnext', '--moduleResolution', 'bundler', ...types])).toBe('');
  }, 120_000);

  test('publint finds nothing wrong', () => {
    const run = spawnSync(
      process.execPath,
      [join(root, 'node_modules/publint/src/cli.js'), '--strict', tarball],
      {
        encoding: 'utf8',
      },
    );
    expect(run.stdout + run.stderr).not.toMatch(/error|warning/i);
    expect(run.status).toBe(0);
  });

  test('the types resolve for every kind of ES module user', () => {
    const run = spawnSync(
      process.execPath,
      [
        join(root, 'node_modules/@arethetypeswrong/cli/dist/index.js'),
        tarball,
        '--profile',
        'esm-only',
        '--no-color',
      ],
      { encoding: 'utf8' },
    );
    expect(run.status, run.stdout + run.stderr).toBe(0);
    for (const [, verdict] of run.stdout.matchAll(/^(?:node16 \(from ESM\)|bundler): (.*)$/gm)) {
      expect(verdict).toContain('🟢');
    }
    expect(run.stdout).toContain('"fullduplex/testing"');
  });
});
