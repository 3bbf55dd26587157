// Debian's Firefox for all tests in a real browser, driven by puppeteer-core over WebDriver BiDi.

import { type Browser, launch } from 'puppeteer-core';

export const firefoxPath = '/usr/bin/firefox-esr';

/** Launches Firefox with a new profile; it takes certificates that nobody has signed. */
export function launchFirefox(): Promise<Browser> {
  return launch({
    browser: 'firefox',
    executablePath: firefoxPath,
    headless: true,
    acceptInsecureCerts: true,
    // It waits longer and longer with connections to where one has failed, up to a minute: tests fail many on purpose.
    extraPrefsFirefox: { 'network.websocket.delay-failed-reconnects': false },
  });
}
