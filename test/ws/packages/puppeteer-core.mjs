// puppeteer-core: drives a Chromium over the drop-in. Its path comes as the argument of this program.
import assert from 'node:assert/strict';
import { launch } from 'puppeteer-core';
import { done, requireDropIn, startHttp, WebSocket } from './stage.mjs';

requireDropIn('puppeteer-core');
const [, , executablePath] = process.argv;
// What it sends has to go through ours.
let sent = 0;
const { prototype } = WebSocket;
const original = Reflect.get(prototype, 'send');
prototype.send = function send(...parameters) {
  sent++;
  return Reflect.apply(original, this, parameters);
};
const { server: http, port } = await startHttp((_request, response) => {
  response.setHeader('Content-Type', 'text/html');
  response.end('<title>page</title><h1>hello</h1>');
});
const browser = await launch({ executablePath, args: ['--no-sandbox', '--disable-dev-shm-usage'] });
const page = await browser.newPage();
await page.goto(`http://127.0.0.1:${port}/`);
assert.equal(await page.title(), 'page');
assert.deepEqual(await page.evaluate(() => [document.querySelector('h1').textContent, 6 * 7]), ['hello', 42]);
// A long message in either direction.
const long = 'x'.repeat(1_500_000);
assert.equal(await page.evaluate((text) => text.length, long), long.length);
assert.equal(await page.evaluate((length) => 'y'.repeat(length), long.length), 'y'.repeat(long.length));
const image = await page.screenshot();
assert.deepEqual([...image.subarray(1, 4)], [...Buffer.from('PNG')]);
assert(sent > 5, `found ${sent} messages`);
await browser.close();
http.close();
done();
