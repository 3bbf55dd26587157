// Makes docs/images/start-page.png, the picture of the README, and beside it under .tmp/screenshots the same page dark,
// at phone width, and with each kind of frame explained. Needs a build, and Chromium (apt-get install chromium).
// Usage: npm run build && node tools/screenshot.mjs

import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { runDemo } from '../dist/app/demo.js';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const images = join(root, 'docs', 'images');
const drafts = join(root, '.tmp', 'screenshots');
for (const folder of [images, drafts]) mkdirSync(folder, { recursive: true });

const desktop = { width: 1280, height: 960 };
const phone = { width: 360, height: 740 };

const demo = await runDemo({ host: '127.0.0.1', port: 0 });
const browser = await chromium.launch({
  executablePath: '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--force-color-profile=srgb'],
});

/** @param {import('playwright-core').BrowserContextOptions} options @param {string} name */
async function visit(options, name) {
  const context = await browser.newContext({ locale: 'en-GB', ...options });
  const page = await context.newPage();
  page.on('console', (message) => console.log(`${name}: ${message.text()}`));
  page.on('pageerror', (error) => console.log(`${name}: ${error.message}`));
  await page.goto(demo.url);
  await page.locator('#quotes tr').first().waitFor();
  await page.fill('#name', name);
  await page.press('#name', 'Enter');
  return page;
}

/** @param {import('playwright-core').Page} page @param {string} text */
async function say(page, text) {
  await page.fill('#text', text);
  await page.press('#text', 'Enter');
  await page.locator('.message .text', { hasText: text }).waitFor();
}

const ada = await visit({ viewport: desktop, colorScheme: 'light' }, 'Ada');
const grace = await visit({ viewport: phone, colorScheme: 'light', hasTouch: true }, 'Grace');
await say(grace, 'Is this thing on?');
await say(ada, 'It is. Every word we type is a frame on the right.');
await say(grace, 'And yours are masked!');
await say(ada, 'Only those that go up to the server.');
await ada.click('[data-try="fragments"]');
await ada.locator('#said', { hasText: 'three frames' }).waitFor();
await ada.locator('.opcode[data-kind="pong"]').first().waitFor();
const text = ada.locator('li.frame[data-way="up"]', { hasText: 'Only those' });
await text.click();
await grace.locator('#text').pressSequentially('So the se', { delay: 20 });
await ada.locator('#typing', { hasText: 'Grace is typing' }).waitFor();
await ada.locator('#newest').click();
await ada.evaluate(() => window.scrollTo(0, 0));
await ada.screenshot({ path: join(images, 'start-page.png') });
await ada.screenshot({ path: join(drafts, 'light-whole.png'), fullPage: true });
await ada.emulateMedia({ colorScheme: 'dark' });
await ada.screenshot({ path: join(drafts, 'dark.png'), fullPage: true });

for (const kind of ['close', 'large-binary', 'ping']) {
  await ada.click(`[data-try="${kind}"]`);
  const opcode = kind === 'large-binary' ? 'binary' : kind;
  await ada.locator(`li.frame[data-way="down"] .opcode[data-kind="${opcode}"]`).last().click();
  await ada.locator('#frames').screenshot({ path: join(drafts, `frame-${kind}.png`) });
  // What is asked for on a connection that is about to close goes down with it.
  if (kind === 'close') await ada.getByText('/lab opened').nth(1).waitFor();
}

await ada.emulateMedia({ colorScheme: 'light' });
await ada.click('#cut');
await say(grace, 'Ada? Are you still there?');
await ada.fill('#text', 'Only for a moment not');
await ada.press('#text', 'Enter');
await ada.locator('.waiting').waitFor();
await ada.screenshot({ path: join(drafts, 'cut.png') });
await ada.click('#cut');
await ada.locator('.recovery[data-messages="1"]').waitFor();
await ada.screenshot({ path: join(drafts, 'recovered.png') });

await grace.locator('li.frame').nth(2).click();
await grace.screenshot({ path: join(drafts, 'phone.png'), fullPage: true });
await grace.emulateMedia({ colorScheme: 'dark' });
await grace.screenshot({ path: join(drafts, 'phone-dark.png'), fullPage: true });

await ada.locator('#frame-list').focus();
await ada.keyboard.press('ArrowUp');
await demo.close();
await ada.locator('#connection[data-state="lost"]').waitFor();
await ada.screenshot({ path: join(drafts, 'lost.png') });
await browser.close();
console.log(`wrote ${join(images, 'start-page.png')} and drafts in ${drafts}`);
