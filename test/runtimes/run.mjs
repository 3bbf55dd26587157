// `npm run test:runtimes`: the library on every runtime that it is made for. On each of them run its own tests (vitest runs
// inside of all), the checks of the client entries, and the checks of each server entry; on the newest Node also the Autobahn
// list and the tests of the drop-in for ws, and on every Node with FULLDUPLEX_LONG=1. Options: --only <name> (part of a runtime's name), --quick (without vitest and the Autobahn list).
// The exit code is 0 when all passed.

import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { runChecks } from './checks.mjs';
import { installedRuntimes } from './installed.mjs';
import { openMany, serverChecks } from './server-checks.mjs';
import { openStage } from './stage.mjs';

/** @typedef {import('./installed.mjs').Runtime} Runtime */
/** @typedef {import('./checks.mjs').CheckResult} CheckResult */

const root = fileURLToPath(new URL('../..', import.meta.url));
// What another engine may see otherwise; and what else may differ from one Node to the next. The heaviest are left to npm test.
const portableTests = ['base/', 'protocol/', 'connection/', 'server/', 'whatwg/'];
// Beside those of node: real browsers and proxies over HTTP/2, which is Node's own code, and differs from one to the next.
const interopTests = ['interop/http2'];
const nodeTests = [
  'connect',
  'direct-write',
  'http2/',
  'open-over-tls',
  'platform-entries',
  'portable-mode',
  'serve',
  'shared-read-buffer',
  'tls-write',
  'upgrade-',
  'wasm-unmask',
  'web-socket',
  'zlib/zlib-binding',
  'zlib/raw-dictionary',
].map((name) => `node/${name}`);
// The drop-in for ws beside ws itself: its events come from Node's streams and HTTP. Without what is the same on all Nodes, or slow.
const dropInTests = ['ws/'];
const leftOut = ['ws/coexistence', 'ws/packages', 'ws/types'];
const newestNode = 'Node 26';
const isLong = process.env.FULLDUPLEX_LONG !== undefined;
const heavyTests = ['protocol/protocol-properties', 'permessage-deflate/portable-inflater'];
const deadlineMs = 400_000;

/** What passed and failed, in all. */
const total = { passed: 0, failed: 0 };

/** @param {string} title @param {readonly CheckResult[]} results */
function report(title, results) {
  const failed = results.filter(({ error }) => error !== undefined);
  total.passed += results.length - failed.length;
  total.failed += failed.length;
  console.log(`${title}: ${results.length - failed.length} passed, ${failed.length} failed`);
  for (const { name, error } of failed)
    console.log(`  FAILED ${name}\n    ${error?.replaceAll('\n', '\n    ')}`);
  if (results.length === 0) {
    total.failed++;
    console.log('  FAILED: nothing ran');
  }
}

/**
 * Starts a script on a runtime; its errors are shown.
 * @param {Runtime} runtime @param {readonly string[]} script the path of the script and its arguments
 */
function start({ command }, script, env = {}) {
  const [program, ...before] = command;
  return spawn(program, [...before, ...script], {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
}

/** Runs a script to its end. @param {Runtime} runtime @param {readonly string[]} script */
async function outputOf(runtime, script) {
  const child = start(runtime, script);
  const timer = setTimeout(() => child.kill('SIGKILL'), deadlineMs);
  let text = '';
  for await (const chunk of child.stdout.setEncoding('utf8')) text += chunk;
  clearTimeout(timer);
  return text;
}

/** The library's own tests, by vitest inside of the runtime. @param {Runtime} runtime @param {string} folder for the report */
async function runVitest(runtime, folder) {
  const isNode = runtime.kind === 'node';
  // The portable floors once more on the newest Node: between Nodes they differ least, and all take too long.
  const isNewest = runtime.name === newestNode;
  const tests = [
    ...(isNode && !isNewest ? [] : portableTests),
    ...(isNode ? [...nodeTests, ...interopTests] : []),
    ...(isNewest || (isNode && isLong) ? dropInTests : []),
  ];
  const file = join(folder, `${runtime.name}.json`);
  await outputOf(runtime, [
    join(root, 'node_modules/vitest/vitest.mjs'),
    'run',
    '--reporter=json',
    `--outputFile=${file}`,
    ...[...heavyTests, ...leftOut].flatMap((name) => ['--exclude', `**/${name}*`]),
    ...tests.map((name) => `test/${name}`),
  ]);
  const title = `${runtime.name}, tests of ${tests.map((name) => name.replace(/\/$/, '')).join(', ')}`;
  if (!existsSync(file)) {
    report(title, [{ name: 'vitest', error: 'it did not come to its end' }]);
    return;
  }
  const { testResults } = JSON.parse(readFileSync(file, 'utf8'));
  /** @type {CheckResult[]} */
  const results = [];
  for (const { name, message, assertionResults } of testResults) {
    if (assertionResults.length === 0) results.push({ name, error: message });
    for (const { fullName, status, failureMessages } of assertionResults) {
      if (status === 'passed') results.push({ name: fullName });
      else if (status === 'failed') results.push({ name: fullName, error: failureMessages.join('\n') });
    }
  }
  report(title, results);
}

/** @param {Runtime} runtime */
async function runConformance(runtime) {
  const text = await outputOf(runtime, [join(root, 'test/conformance/run.mjs'), '--short', '--fast']);
  const found = /(\d+) passed, (\d+) failed/.exec(text);
  const [passed, failed] = [Number(found?.[1] ?? 0), Number(found?.[2] ?? 1)];
  report(`${runtime.name}, conformance`, [
    ...Array.from({ length: passed }, () => ({ name: 'case' })),
    ...(failed === 0 ? [] : [{ name: `${failed} cases`, error: text.slice(-4000) }]),
  ]);
}

/** @param {Runtime} runtime @param {import('./stage.mjs').Stage} stage */
async function runClient(runtime, stage) {
  const text = await outputOf(runtime, [join(root, 'test/runtimes/client-checks.mjs'), stage.addresses]);
  report(
    `${runtime.name}, client`,
    text
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line)),
  );
}

/** @param {Runtime} runtime @param {string} entry @param {import('./stage.mjs').Stage} stage */
async function runServer(runtime, entry, { certificate }) {
  const { cert, key } = certificate;
  const child = start(runtime, [
    join(root, 'test/runtimes/serve-process.mjs'),
    entry,
    JSON.stringify({ cert, key }),
  ]);
  const timer = setTimeout(() => child.kill('SIGKILL'), deadlineMs);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  /** @type {CheckResult[]} */
  const results = [];
  const { value: first } = await lines.next();
  // The platforms' listeners have no WebSocket over HTTP/2, and on Deno ours does without by default.
  const speaksHttp2 = entry === 'fullduplex' && runtime.kind !== 'deno';
  if (first !== undefined) {
    const { url, secureUrl } = JSON.parse(first);
    const checks = {
      ...serverChecks({ url, secureUrl, ca: cert, speaksHttp2 }),
      'tells everybody when it closes, and ends': async () => {
        const ends = await openMany(url);
        child.stdin.end();
        const codes = new Set((await Promise.all(ends)).map(({ code, clean }) => `${code} ${clean}`));
        const { value: last = '{}' } = await lines.next();
        const found = JSON.stringify([...codes, JSON.parse(last)]);
        const expected = JSON.stringify(['1001 true', { closed: ends.length, left: 0 }]);
        if (found !== expected) throw new Error(`found ${found}, expected ${expected}`);
      },
    };
    await runChecks(checks, (result) => results.push(result));
  }
  child.stdin.end();
  if (child.exitCode === null) await new Promise((resolve) => child.once('exit', resolve));
  clearTimeout(timer);
  report(`${runtime.name}, server of ${entry}`, results);
}

const { values } = parseArgs({
  options: { only: { type: 'string', default: '' }, quick: { type: 'boolean', default: false } },
});
const startedMs = performance.now();
const folder = mkdtempSync(join(tmpdir(), 'fullduplex-runtimes-'));
const stage = await openStage(folder);
try {
  for (const runtime of installedRuntimes()) {
    if (!runtime.name.toLowerCase().includes(values.only.toLowerCase())) continue;
    await runClient(runtime, stage);
    await runServer(runtime, 'fullduplex', stage);
    if (runtime.kind !== 'node') await runServer(runtime, `fullduplex/${runtime.kind}`, stage);
    // npm test and npm run conformance have done the rest on this Node.
    if (values.quick || runtime.command[0] === process.execPath) continue;
    if (runtime.name === newestNode || (isLong && runtime.kind === 'node')) await runConformance(runtime);
    await runVitest(runtime, folder);
  }
} finally {
  await stage.close();
  rmSync(folder, { recursive: true, force: true });
}
console.log(`in ${((performance.now() - startedMs) / 1000).toFixed(0)} s`);
console.log(`${total.passed} passed, ${total.failed} failed`);
process.exitCode = total.failed === 0 && total.passed > 0 ? 0 : 1;
