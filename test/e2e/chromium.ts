// The tests of the start page in Chromium. Without it there is one test that is skipped and says how to
// install it; in CI that test fails.

import { existsSync } from 'node:fs';
import { test } from 'vitest';
import { chromiumPath } from '../chromium.ts';

/** Describes tests that need Chromium. */
export function withChromium(describeTests: () => void): void {
  if (existsSync(chromiumPath)) {
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
