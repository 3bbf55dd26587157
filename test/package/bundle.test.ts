// What a page gets that imports `fullduplex`: bundled by Vite as its users do it, with nothing of Node in it, and no larger
// than it was measured. Needs dist/ (npm run build).

import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build, type Rollup } from 'vite';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
let folder: string;

beforeAll(() => {
  if (!existsSync(join(root, 'dist/index.browser.js'))) throw new Error('dist/ is missing: npm run build');
  folder = mkdtempSync(join(tmpdir(), 'fullduplex-bundle-'));
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(root, join(folder, 'node_modules', 'fullduplex'));
  writeFileSync(join(folder, 'package.json'), '{ "type": "module", "private": true }');
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Bundle {
  readonly code: string;
  readonly gzipBytes: number;
}

/** Bundles and minifies a module of a page. */
async function bundleOf(name: string, source: string): Promise<Bundle> {
  writeFileSync(join(folder, `${name}.js`), source);
  const result = await build({
    root: folder,
    configFile: false,
    logLevel: 'error',
    build: {
      write: false,
      minify: true,
      rollupOptions: { input: join(folder, `${name}.js`), output: { format: 'es' } },
    },
  });
  const outputs: Rollup.RollupOutput[] = Array.isArray(result) ? result : 'output' in result ? [result] : [];
  const chunks = outputs.flatMap(({ output }) => output).filter((part) => part.type === 'chunk');
  const code = chunks.map((chunk) => chunk.code).join('\n');
  return { code, gzipBytes: gzipSync(code, { level: 9 }).length };
}

// What was measured, and 3 %: a change that makes pages download more has to say so here.
const imports: [string, string, number][] = [
  ['connect', "import { connect } from 'fullduplex';\nglobalThis.used = [connect];", 11_662],
  [
    'connect and WebSocket',
    "import { connect, WebSocket } from 'fullduplex';\nglobalThis.used = [connect, WebSocket];",
    11_706,
  ],
  ['everything', "import * as all from 'fullduplex';\nglobalThis.used = { ...all };", 16_019],
  [
    'the protocol',
    "import { Protocol, ProtocolSettings } from 'fullduplex/protocol';\nglobalThis.used = [Protocol, ProtocolSettings];",
    10_555,
  ],
  [
    'a client that tabs share',
    "import { shareClient } from 'fullduplex/tabs';\nglobalThis.used = [shareClient];",
    12_647,
  ],
  [
    'the hooks of React',
    "import { createHooks } from 'fullduplex/react';\nglobalThis.used = [createHooks];",
    461,
  ],
  ['patchJson', "import { patchJson } from 'fullduplex/delta';\nglobalThis.used = [patchJson];", 494],
];

describe('a bundle for the browser', () => {
  test.each(imports)(
    'of %s has no code of Node and stays within its size',
    async (name, source, measuredBytes) => {
      const { code, gzipBytes } = await bundleOf(name.replaceAll(' ', '-'), source);
      console.log(`bundle of ${name}: ${code.length} bytes, ${gzipBytes} gzipped`);
      expect(code).not.toMatch(/\bnode:|__vite-browser-external|\brequire\(/);
      expect(gzipBytes).toBeLessThanOrEqual(measuredBytes * 1.03);
      // A measure that is far too large guards nothing.
      expect(gzipBytes).toBeGreaterThan(measuredBytes * 0.9);
    },
  );

  test('of the realtime client is at most 8,000 bytes with all three kinds of links', async () => {
    const { code, gzipBytes } = await bundleOf(
      'realtime-client',
      "import { createClient } from 'fullduplex/client';\nglobalThis.used = [createClient];",
    );
    console.log(`bundle of the realtime client: ${code.length} bytes, ${gzipBytes} gzipped`);
    expect(code).not.toMatch(/\bnode:|__vite-browser-external|\brequire\(/);
    for (const kind of ['fullduplex.v1.json', 'getReader', 'answered with no poll'])
      expect(code).toContain(kind);
    expect(gzipBytes).toBeLessThanOrEqual(8_000);
  });

  test('of serve fails, because a page cannot serve', async () => {
    const source = "import { serve } from 'fullduplex';\nserve({ port: 0 });";
    await expect(bundleOf('serve', source)).rejects.toThrow(/serve/);
  });
});
