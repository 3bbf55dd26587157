// What scripts see of the WHATWG classes: ours on Node against those of a browser, and the one that our browser entry gives
// where a browser has none.

import { existsSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { WebSocket, WebSocketError, WebSocketStream } from '../../src/index.ts';
import { scenarioServer } from '../whatwg/scenario-server.mjs';
import { type Scenarios, scenarios, streamScenarios } from '../whatwg/scenarios.mjs';
import { chromium, firefox, type Page } from './pages.ts';

beforeAll(() => {
  const isBuilt = existsSync(new URL('../../dist/index.browser.js', import.meta.url));
  if (!isBuilt) throw new Error('dist/index.browser.js is missing: npm run build');
});
afterAll(() => Promise.all([chromium.quit(), firefox.quit()]), 30_000);

type Results = Readonly<Record<string, unknown>>;

async function onNode(list: Scenarios): Promise<Results> {
  await using server = await scenarioServer();
  const platform = { WebSocket, WebSocketStream, WebSocketError, url: `ws://127.0.0.1:${server.port}` };
  const results: Record<string, unknown> = {};
  for (const [name, run] of Object.entries(list)) results[name] = await run(platform);
  // As they come back from the browser.
  return JSON.parse(JSON.stringify(results)) as Results;
}

/** Runs them in a page: from source text, because functions that are imported by a test runner are rewritten by it. */
async function inPage(page: Page, list: 'scenarios' | 'streamScenarios', classes: string): Promise<Results> {
  const results = await page.evaluate(`(async () => {
    const { ${list} } = await import('/test/whatwg/scenarios.mjs');
    const { WebSocket, WebSocketStream, WebSocketError } = ${classes};
    const platform = { WebSocket, WebSocketStream, WebSocketError, url: location.origin.replace('http:', 'ws:') };
    const results = {};
    for (const [name, run] of Object.entries(${list})) results[name] = await run(platform);
    return JSON.stringify(results);
  })()`);
  return JSON.parse(String(results)) as Results;
}

function expectEqual(ours: Results, theirs: Results): void {
  expect(Object.keys(ours)).toEqual(Object.keys(theirs));
  for (const name of Object.keys(ours)) expect.soft(ours[name], name).toEqual(theirs[name]);
}

chromium.test("our WebSocket on Node gives scripts what Chromium's own gives them", async (page) => {
  const theirs = await inPage(page, 'scenarios', 'globalThis');
  expectEqual(await onNode(scenarios), theirs);
});

chromium.test("our WebSocketStream on Node gives scripts what Chromium's own gives them", async (page) => {
  const theirs = await inPage(page, 'streamScenarios', 'globalThis');
  expectEqual(await onNode(streamScenarios), theirs);
});

describe.each([chromium, firefox])('$name', (browser) => {
  browser.test(
    'the WebSocketStream that stands in where a browser has none behaves as ours on Node',
    async (page) => {
      await page.evaluate('delete globalThis.WebSocketStream; delete globalThis.WebSocketError');
      const entry = "await import('/dist/index.browser.js')";
      expectEqual(await onNode(streamScenarios), await inPage(page, 'streamScenarios', entry));
    },
  );
});
