import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { defaultConnectionOptions } from '../../src/connection/connection-options.ts';
import { defaultCompressionMemoryOptions } from '../../src/node/zlib/compression-memory.ts';
import { defaultPerMessageDeflateOptions } from '../../src/protocol/extensions/permessage-deflate/options.ts';
import { defaultAdmissionOptions } from '../../src/server/admission.ts';
import { defaultServerLimits } from '../../src/server/server-options.ts';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const security = readFileSync(join(root, 'docs/security.md'), 'utf8');
const guide = readFileSync(join(root, 'docs/guide.md'), 'utf8');
const rows = [...security.matchAll(/^\| `([\w.]+)` \| `([^`]+)` \| (.+) \|$/gm)].map(
  ([, name, value, gain]) => ({ name, value, gain }),
);

function textOf(value: unknown): string {
  if (Array.isArray(value)) return value.length === 0 ? 'none' : value.join(', ');
  if (typeof value === 'object' && value !== null && 'perSecond' in value && 'burst' in value)
    return `${String(value.perSecond)} a second, ${String(value.burst)} at once`;
  return String(value);
}

function asText(defaults: object): Record<string, string> {
  return Object.fromEntries(Object.entries(defaults).map(([name, value]) => [name, textOf(value)]));
}

const real = {
  ...asText(defaultConnectionOptions),
  ...asText(defaultServerLimits),
  ...asText(defaultAdmissionOptions),
  maxInflationRatio: textOf(defaultPerMessageDeflateOptions.maxInflationRatio),
  'compressionMemory.maxBytes': textOf(defaultCompressionMemoryOptions.maxBytes),
  // What has no object of defaults; the tests of these options prove them.
  allowedOrigins: 'same-origin',
  perMessageDeflate: 'off',
  keepHandshake: 'false',
  messageRate: 'none',
  byteRate: 'none',
  rateKey: 'none',
  'bufferMemory.maxBytes': 'half of the memory',
};

test('the table of defaults has every option with its real default and what is gained by loosening it', () => {
  expect(Object.fromEntries(rows.map(({ name, value }) => [name, value]))).toEqual(real);
  expect(rows).toHaveLength(Object.keys(real).length);
  for (const { gain } of rows) expect(gain.trim().length).toBeGreaterThan(5);
});

test('every threat names a test that exists', () => {
  const [, table] = security.split('## Threats and defences\n');
  const threats = table
    .split(/^## /m)[0]
    .split('\n')
    .filter((line) => line.startsWith('| ') && !line.startsWith('| threat'));
  expect(threats.length).toBeGreaterThan(20);
  for (const line of threats) {
    const files = [...line.matchAll(/`(test\/[\w/.-]+\.test\.ts)`/g)].map(([, file]) => file);
    expect(files.length, line).toBeGreaterThan(0);
    for (const file of files) expect(existsSync(join(root, file)), file).toBe(true);
  }
});

test('the guide lists every option that decides who is let in with its real default', () => {
  const section = guide.split('### Limits and proxies\n')[1].split(/^#/m)[0];
  const listed = [...section.matchAll(/^\| `(\w+)` \| `([^`]+)` \|/gm)].map(([, name, value]) => [
    name,
    value,
  ]);
  expect(Object.fromEntries(listed)).toEqual(asText(defaultAdmissionOptions));
});
