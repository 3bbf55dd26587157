// The servers that do not run on Node: where each comes from, and what is missing when it cannot be had.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cachedBuild, firstLineOf } from '../process/cached-build.mjs';

const BUN_VERSION = '1.4.5';
/** Debian's own Python: another one on the path does not see Debian's packages. */
const PYTHON = '/usr/bin/python3';
const DEBIAN_GO_PATH = '/usr/share/gocode';

/** @param {string} path */
const fileHere = (path) => fileURLToPath(new URL(path, import.meta.url));

/**
 * Bun for this machine out of the npm registry, downloaded when it is asked for the first time: 90 MB are too much for
 * a development dependency that only this needs.
 * @returns {import('./catalogue.mjs').Prepared}
 */
export function prepareBun() {
  const platform = `${process.platform}-${process.arch === 'arm64' ? 'aarch64' : process.arch}`;
  const name = `@oven/bun-${platform}`;
  const built = cachedBuild('bun', [name, BUN_VERSION], (folder) => [
    {
      command: 'npm',
      args: ['install', '--prefix', folder, '--no-audit', '--no-fund', `${name}@${BUN_VERSION}`],
    },
  ]);
  if ('problem' in built) return { missing: `Bun could not be downloaded: ${built.problem}` };
  const command = join(built.folder, 'node_modules', name, 'bin', 'bun');
  return { launch: { command, args: [fileHere('bun.mjs')] } };
}

/** @returns {import('./catalogue.mjs').Prepared} */
export function preparePythonWebsockets() {
  if (firstLineOf(PYTHON, '-c', 'import websockets; print(1)') === undefined)
    return { missing: 'Debian: apt install python3-websockets' };
  return { launch: { command: PYTHON, args: [fileHere('python-websockets/server.py')] } };
}

/** @returns {import('./catalogue.mjs').Prepared} */
export function prepareGorilla() {
  const go = firstLineOf('go', 'version');
  if (go === undefined || !existsSync(join(DEBIAN_GO_PATH, 'src/github.com/gorilla/websocket')))
    return { missing: 'Debian: apt install golang-go golang-github-gorilla-websocket-dev' };
  const package_ = 'golang-github-gorilla-websocket-dev';
  const version = firstLineOf('dpkg-query', '-W', '-f=${Version}', package_) ?? 'of unknown version';
  const source = fileHere('gorilla/server.go');
  const built = cachedBuild('gorilla', [go, version, readFileSync(source)], (folder) => [
    {
      command: 'go',
      args: ['build', '-o', join(folder, 'server'), source],
      environment: { GOPATH: DEBIAN_GO_PATH, GO111MODULE: 'off', GOFLAGS: '', GOCACHE: join(folder, 'go') },
    },
  ]);
  if ('problem' in built) return { missing: built.problem };
  const environment = { GORILLA_VERSION: version };
  return { launch: { command: join(built.folder, 'server'), args: [], environment } };
}

/**
 * uWebSockets is in no package registry, so the bench takes a clone (with its submodule uSockets) that you point it to.
 * @returns {import('./catalogue.mjs').Prepared}
 */
export function prepareUWebSockets() {
  const clone = process.env.UWEBSOCKETS;
  if (!clone)
    return { missing: 'set UWEBSOCKETS to a clone (--recursive) of github.com/uNetworking/uWebSockets' };
  const compiler = firstLineOf('g++', '--version');
  if (compiler === undefined) return { missing: 'Debian: apt install g++ zlib1g-dev' };
  const sockets = join(clone, 'uSockets/src');
  if (!existsSync(sockets)) return { missing: `${sockets} does not exist` };
  const version = firstLineOf('git', '-C', clone, 'describe', '--tags') ?? 'of unknown version';
  const source = fileHere('uwebsockets/server.cpp');
  const units = ['', 'eventing/'].flatMap((folder) =>
    readdirSync(join(sockets, folder))
      .filter((name) => name.endsWith('.c'))
      .map((name) => join(sockets, folder, name)),
  );
  const objects = units.map((unit) => `${basename(unit, '.c')}.o`);
  const flags = ['-std=c++20', '-O3', '-DLIBUS_NO_SSL', `-I${join(clone, 'src')}`, `-I${sockets}`];
  const built = cachedBuild('uwebsockets', [compiler, version, clone, readFileSync(source)], (folder) => [
    { command: 'gcc', args: ['-O3', '-DLIBUS_NO_SSL', `-I${sockets}`, '-c', ...units], cwd: folder },
    {
      command: 'g++',
      args: [...flags, '-o', 'server', source, ...objects, '-lz', '-lpthread'],
      cwd: folder,
    },
  ]);
  if ('problem' in built) return { missing: built.problem };
  const environment = { UWEBSOCKETS_VERSION: version };
  return { launch: { command: join(built.folder, 'server'), args: [], environment } };
}
