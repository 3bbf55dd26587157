// A page in real Chromium whose origin serves what a test gives it: files of this repository, and the WebSockets of
// the scenario server.

import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Browser, chromium, type Page } from 'playwright-core';
import { expect, test, type TestContext } from 'vitest';
import { type ScenarioServer, scenarioServer } from '../whatwg/scenario-server.ts';

const executablePath = '/usr/bin/chromium';
const root = fileURLToPath(new URL('../..', import.meta.url));
const contentTypes: Readonly<Record<string, string>> = {
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.html': 'text/html',
};

let browser: Promise<Browser> | undefined;

function launch(): Promise<Browser> {
  const quiet = ['--disable-background-networking', '--disable-component-update', '--disable-sync'];
  const args = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', ...quiet];
  return chromium.launch({ executablePath, headless: true, args });
}

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
    if (!existsSync(executablePath)) {
      const hint = `${executablePath} is missing: apt-get install chromium`;
      if (process.env.CI !== undefined) expect.fail(hint);
      context.skip(hint);
    }
    browser ??= launch();
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
