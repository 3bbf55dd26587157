// Checks that the floors of docs/architecture.md hold: a file imports from its own floor and from those listed beside
// it, never upwards; only the platform floors import `node:` modules; the library imports no package at all.
// Usage: node tools/check-floors.mjs [source folder]. Exits with 1 on a wrong import, and when it finds no modules.

import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

// Each floor with those it may import from beside itself, and whether it may import `node:` modules and packages.
const below = ['base', 'protocol', 'protocol/extensions', 'protocol/handshake'];
const portable = [...below, 'connection', 'server', 'whatwg'];
const platforms = ['browser', 'bun', 'deno', 'workers'];
const realtimeClient = ['base', 'realtime/wire', 'realtime/contract', 'realtime/link'];
const realtimeServer = [...realtimeClient, 'realtime/engine', ...below, 'connection', 'server'];
const realtime = ['realtime/server', 'realtime/client', 'realtime/react', 'realtime/tabs'];
const everything = [
  ...portable,
  ...realtimeServer,
  ...realtime,
  'node',
  'ws',
  ...platforms,
  'testing',
  'cli',
  'app',
  'inspector',
  'entry',
];
const floors = {
  base: { may: [] },
  'protocol/handshake': { may: ['base', 'protocol', 'protocol/extensions'] },
  'protocol/extensions': { may: ['base', 'protocol', 'protocol/handshake'] },
  protocol: { may: ['base', 'protocol/extensions', 'protocol/handshake'] },
  connection: { may: below },
  server: { may: [...below, 'connection'] },
  whatwg: { may: [...below, 'connection'] },
  'realtime/wire': { may: ['base'] },
  'realtime/contract': { may: ['base', 'realtime/wire'] },
  'realtime/link': { may: ['base', 'realtime/wire'] },
  'realtime/engine': { may: ['base', 'realtime/wire'] },
  'realtime/server': { may: realtimeServer },
  'realtime/client': { may: realtimeClient },
  'realtime/tabs': { may: [...realtimeClient, 'realtime/client'] },
  'realtime/react': { may: [...realtimeClient, 'realtime/client'] },
  browser: { may: portable },
  bun: { may: portable },
  deno: { may: portable },
  workers: { may: portable },
  node: { may: [...portable, ...realtimeServer, 'realtime/server'], node: true },
  ws: { may: [...portable, 'node'], node: true },
  testing: { may: [...portable, ...realtimeServer, ...realtime] },
  app: { may: everything, node: true },
  cli: { may: everything, node: true },
  inspector: { may: everything, node: true },
  entry: { may: everything },
};
const floorNames = Object.keys(floors).sort((a, b) => b.length - a.length);

/** @param {string} folder @returns {string[]} */
function sourceFiles(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return sourceFiles(path);
    return entry.name.endsWith('.ts') ? [path] : [];
  });
}

/** @param {string} source @param {string} path @returns {string | undefined} */
function floorOf(source, path) {
  const place = relative(source, path).split(sep).join('/');
  if (!place.includes('/')) return 'entry';
  return floorNames.find((name) => place.startsWith(`${name}/`));
}

const importPattern =
  /\b(?:import|export)\b[^;'"]*?\bfrom\s*['"]([^'"]+)['"]|\bimport\s*\(?\s*['"]([^'"]+)['"]/g;

/**
 * Everything wrong with the imports below the folder, a sentence each.
 * @param {string} source @returns {{ moduleCount: number, problems: string[] }}
 */
export function checkFloors(source) {
  const files = sourceFiles(source);
  const problems = [];
  for (const file of files) {
    const floor = floorOf(source, file);
    const place = relative(source, file);
    if (floor === undefined) {
      problems.push(`${place}: lies on no floor, expected one of ${floorNames.join(', ')}`);
      continue;
    }
    const { may, node = false } = floors[floor];
    for (const match of readFileSync(file, 'utf8').matchAll(importPattern)) {
      const target = match[1] ?? match[2];
      if (!target.startsWith('.')) {
        if (!node)
          problems.push(`${place}: imports ${target}, but ${floor}/ imports neither node: nor packages`);
        else if (!target.startsWith('node:'))
          problems.push(`${place}: imports the package ${target}, expected none`);
        continue;
      }
      const targetFloor = floorOf(source, resolve(dirname(file), target));
      if (targetFloor !== floor && (targetFloor === undefined || !may.includes(targetFloor))) {
        problems.push(
          `${place}: imports ${target} from ${targetFloor ?? 'outside'}, but ${floor}/ stands on ${may.join(', ') || 'nothing'}`,
        );
      }
    }
  }
  if (files.length === 0) problems.push(`no modules found in ${source}, expected the sources`);
  return { moduleCount: files.length, problems };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const source = resolve(process.argv[2] ?? join(root, 'src'));
  const { moduleCount, problems } = checkFloors(source);
  for (const problem of problems) console.error(problem);
  console.log(`floors: ${moduleCount} modules, ${problems.length} wrong imports`);
  process.exitCode = problems.length === 0 ? 0 : 1;
}
