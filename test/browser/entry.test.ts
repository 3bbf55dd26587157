import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import * as browserEntry from '../../src/index.browser.ts';
import * as nodeEntry from '../../src/index.ts';

const importPattern =
  /\b(?:import|export)\b[^;'"]*?\bfrom\s*['"]([^'"]+)['"]|\bimport\s*\(?\s*['"]([^'"]+)['"]/g;

/** Every import specifier that is reached from a file, with the file where it stands. */
function reached(file: URL, seen = new Map<string, string[]>()): Map<string, string[]> {
  if (seen.has(file.href)) return seen;
  const specifiers = [...readFileSync(file, 'utf8').matchAll(importPattern)].map(
    ([, first, second]) => first ?? second,
  );
  seen.set(file.href, specifiers);
  for (const specifier of specifiers) if (specifier.startsWith('.')) reached(new URL(specifier, file), seen);
  return seen;
}

test('no module that the browser entry reaches imports anything but its neighbours', () => {
  const modules = reached(new URL('../../src/index.browser.ts', import.meta.url));
  expect(modules.size).toBeGreaterThan(40);
  const foreign = [...modules].flatMap(([file, specifiers]) =>
    specifiers
      .filter((specifier) => !specifier.startsWith('.'))
      .map((specifier) => [fileURLToPath(file), specifier]),
  );
  expect(foreign).toEqual([]);
  expect([...modules.keys()].filter((file) => file.includes('/src/node/'))).toEqual([]);
});

test('the walk over imports finds node: where it is', () => {
  const modules = reached(new URL('../../src/index.ts', import.meta.url));
  expect([...modules.values()].flat()).toContain('node:net');
});

test('the browser entry has every name of the Node entry that is not about serving, compressing or watching', () => {
  // A browser compresses by itself, and knows no diagnostics channels.
  const serving = [
    'BufferMemory',
    'CompressionMemory',
    'DiagnosticsChannel',
    'Http2Sessions',
    'ServerConnection',
    'UpgradeRequest',
    'WebSocketServer',
    'bufferMemory',
    'compressionMemory',
    'defaultAdmissionOptions',
    'defaultDrainOptions',
    'defaultHttp2SessionsOptions',
    'defaultPerMessageDeflateOptions',
    'defaultRollingDrainOptions',
    'defaultServerLimits',
    'diagnosticsChannels',
    'serve',
  ];
  const missing = Object.keys(nodeEntry).filter((name) => !(name in browserEntry));
  expect(missing.sort()).toEqual(serving);
  expect(Object.keys(browserEntry).filter((name) => !(name in nodeEntry))).toEqual([]);
});
