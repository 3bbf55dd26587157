// A page in a real browser whose origin serves what a test gives it: files of this repository, and the WebSockets of the
// scenario server.

import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test, type TestContext } from 'vitest';
import { chromiumPath, launchChromium } from '../chromium.ts';
import { firefoxPath, launchFirefox } from '../firefox.ts';
import { type ScenarioServer, scenarioServer } from '../whatwg/scenario-server.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const contentTypes: Readonly<Record<string, string>> = {
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.html': 'text/html',
};

/** As much of a page as both drivers have. */
export interface Page {
  /** Gives the value of an expression, that of a promise when it has settled. */
  evaluate(expression: string): Promise<unknown>;
}

interface OpenedPage extends Page {
  goto(url: string): Promise<unknown>;
  close(): Promise<void>;
}

interface LaunchedBrowser {
  newPage(): Promise<OpenedPage>;
  close(): Promise<void>;
}

/** A browser that pages are opened in; it is launched for the first of them. */
export class TestBrowser {
  readonly name: string;
  readonly #path: string;
  readonly #debianPackage: string;
  readonly #launch: () => Promise<LaunchedBrowser>;
  #launched: Promise<LaunchedBrowser> | undefined;

  constructor(name: string, path: string, debianPackage: string, launch: () => Promise<LaunchedBrowser>) {
    this.name = name;
    this.#path = path;
    this.#debianPackage = debianPackage;
    this.#launch = launch;
  }

  /** A test in a new page. Without the browser it is skipped, in CI it fails. */
  test(name: string, run: (page: Page, server: ScenarioServer) => Promise<void>): void {
    test(name, { timeout: 120_000 }, async (context: TestContext) => {
      if (!existsSync(this.#path)) {
        const hint = `${this.#path} is missing: apt-get install ${this.#debianPackage}`;
        if (process.env.CI !== undefined) expect.fail(hint);
        context.skip(hint);
      }
      this.#launched ??= this.#launch();
      await using server = await scenarioServer(serveFile);
      const page = await (await this.#launched).newPage();
      try {
        await page.goto(`http://127.0.0.1:${server.port}/`);
        await run(page, server);
      } finally {
        await page.close();
      }
    });
  }

  /** Ends the browser; for afterAll. */
  async quit(): Promise<void> {
    await (await this.#launched)?.close();
    this.#launched = undefined;
  }
}

export const chromium: TestBrowser = new TestBrowser('Chromium', chromiumPath, 'chromium', launchChromium);
export const firefox: TestBrowser = new TestBrowser('Firefox', firefoxPath, 'firefox-esr', launchFirefox);

/** Answers with what a test asks for by its path within the repository. */
function serveFile(request: IncomingMessage, response: ServerResponse): void {
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
}
