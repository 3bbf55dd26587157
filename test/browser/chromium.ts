// A page in real Chromium whose origin serves what a test gives it: files of this repository, and the WebSockets of
// the scenario server.

import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { expect, test, type TestContext } from 'vitest';
import { chromiumPath, launchChromium } from '../chromium.ts';
import { type ScenarioServer, scenarioServer } from '../whatwg/scenario-server.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const contentTypes: Readonly<Record<string, string>> = {
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.html': 'text/html',
};

let browser: Promise<Browser> | undefined;

/** Ends Chromium; for afterAll. */
export async function quitChromium(): Promise<void> {
  await (await browser)?.close();
  browser = undefined;
}

/** A test in a new page. Without Chromium it is skipped, in CI it fails. */
export function testInChromium(
  name: string,
  run: (page: Page, server: ScenarioServer) => Promise<void>,
): void {
  test(name, { timeout: 60_000 }, async (context: TestContext) => {
    if (!existsSync(chromiumPath)) {
      const hint = `${chromiumPath} is missing: apt-get install chromium`;
      if (process.env.CI !== undefined) expect.fail(hint);
      context.skip(hint);
    }
    browser ??= launchChromium();
    await using server = await scenarioServer((request, response) => {
      // Only what a test asks for by its path within the repository.
      const path = normalize(new URL(request.url ?? '/', 'http://host').pathname);
      if (path === '/') {
        response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><title>test</title>');
        return;
      }
      readFile(join(root, path)).then(
        (content) => {
          const type = contentTypes[extname(path)] ?? 'application/octet-stream';
          response.writeHead(200, { 'content-type': type }).end(content);
        },
        () => response.writeHead(404).end(),
      );
    });
    const page = await (await browser).newPage();
    try {
      await page.goto(`http://127.0.0.1:${server.port}/`);
      await run(page, server);
    } finally {
      await page.close();
    }
  });
}
