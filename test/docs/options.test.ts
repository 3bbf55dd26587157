import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { defaultConnectionOptions } from '../../src/connection/connection-options.ts';
import { defaultPerMessageDeflateOptions } from '../../src/protocol/extensions/permessage-deflate/options.ts';
import { defaultConnectOptions } from '../../src/node/connect-options.ts';
import { defaultRollingDrainOptions } from '../../src/server/rolling-drain.ts';
import { defaultServerLimits } from '../../src/server/server-options.ts';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const guide = readFileSync(join(root, 'docs/guide.md'), 'utf8');

function tableOf(heading: string): Record<string, string> {
  const section = guide.split(`### ${heading}\n`)[1].split(/^#/m)[0];
  return Object.fromEntries(
    [...section.matchAll(/^\| `(\w+)` \| `([^`]+)` \|/gm)].map(([, name, value]) => [name, value]),
  );
}

function asText(defaults: object): Record<string, string> {
  return Object.fromEntries(Object.entries(defaults).map(([name, value]) => [name, String(value)]));
}

test('the guide lists every option of a connection with its real default', () => {
  expect(tableOf('Options of a connection')).toEqual(asText(defaultConnectionOptions));
});

test('the guide lists every option of permessage-deflate with its real default', () => {
  expect(tableOf('Compression')).toEqual(asText(defaultPerMessageDeflateOptions));
});

test('the guide lists every option of a server with its real default', () => {
  expect(tableOf('Options of a server')).toEqual(asText(defaultServerLimits));
});

test('the guide lists the roads of a client with their real defaults', () => {
  const { proxy, maxRedirects } = defaultConnectOptions;
  expect(tableOf('Roads of the client')).toEqual(asText({ proxy, maxRedirects }));
});

test('the guide lists the options of a drain with their real defaults', () => {
  const { reason, ...others } = defaultRollingDrainOptions;
  expect(tableOf('Draining')).toEqual(asText(others));
  expect(reason).toBe('');
});
