// Debian's Chromium for the tests in a real browser. Without it there is one test that is skipped and says how to
// install it; in CI that test fails.

import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';
import { test } from 'vitest';

const executablePath = '/usr/bin/chromium';

/** Describes tests that need Chromium. */
export function withChromium(describeTests: () => void): void {
  if (existsSync(executablePath)) {
    describeTests();
    return;
  }
  const line = 'Chromium not installed, the start page not tested in it: apt-get install chromium';
  if (process.env['CI']) {
    test(line, () => {
      throw new Error(line);
    });
    return;
  }
  console.warn(line);
  test.skip(line, () => {});
}

/** Launches Chromium with a new profile. */
export function launchChromium(): Promise<Browser> {
  return chromium.launch({
    executablePath,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}
