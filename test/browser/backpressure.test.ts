// Backpressure between real Chromium and a server of ours, whose memory is measured (test/node/backpressure): by the
// WebSocketStream that our browser entry gives, in both directions, and by the sends of our Connection there.

import { existsSync } from 'node:fs';
import { afterAll, beforeAll, expect } from 'vitest';
import { Subject, until } from '../node/backpressure/subject.ts';
import { chromium } from './pages.ts';

const KiB = 1024;
const highWaterMarkBytes = 64 * KiB;
const messageBytes = 16 * KiB;
const noiseBytes = KiB * KiB;
// The page comes from another port than the server.
const options = { allowedOrigins: 'any' } as const;

beforeAll(() => {
  const isBuilt = existsSync(new URL('../../dist/index.browser.js', import.meta.url));
  if (!isBuilt) throw new Error('dist/index.browser.js is missing: npm run build');
});
afterAll(() => chromium.quit(), 30_000);

const writing = {
  'the writable of its WebSocketStream': `
    const { writable } = await new entry.WebSocketStream(url).opened;
    const writer = writable.getWriter();
    globalThis.write = async (bytes) => { await writer.ready; await writer.write(bytes); };`,
  'the sends of a Connection': `
    const connection = await entry.connect(url);
    globalThis.write = async (bytes) => { if (!(await connection.send(bytes))) throw new Error('refused'); };`,
};

// Firefox has no WebSocketStream of its own, and ours over its WebSocket cannot make anybody wait (src/browser/web-socket.ts).
chromium.test('a page that stops reading its WebSocketStream makes a server wait', async (page) => {
  await using subject = await Subject.start({ role: 'server', producer: 'send', messageBytes, options });
  await page.evaluate(`(async () => {
    const { WebSocketStream } = await import('/dist/index.browser.js');
    const { readable } = await new WebSocketStream(${JSON.stringify(subject.url)}).opened;
    const reader = readable.getReader();
    globalThis.taken = 0;
    globalThis.fault = '';
    globalThis.take = async (count) => {
      for (let index = 0; index < count; index++) {
        const { value } = await reader.read();
        const seq = new DataView(value.buffer ?? value, value.byteOffset ?? 0).getUint32(0);
        if (seq !== globalThis.taken) globalThis.fault ||= 'message ' + seq + ', expected ' + globalThis.taken;
        globalThis.taken++;
      }
    };
  })()`);
  await subject.produce();
  await page.evaluate('take(100)');
  await subject.measure(true);
  await subject.isStuck();
  const measure = await subject.measure();
  const queuedBytes = highWaterMarkBytes + messageBytes;
  expect(measure.bufferedAmount).toBeGreaterThan(0);
  expect(measure.bufferedAmount).toBeLessThanOrEqual(queuedBytes + 14);
  expect(measure.retainedBytes).toBeLessThan(2 * queuedBytes + 128 * KiB + noiseBytes);
  await page.evaluate(`take(${measure.produced})`);
  expect(await page.evaluate('fault')).toBe('');
});

for (const [name, open] of Object.entries(writing)) {
  chromium.test(`a server that stops reading makes a page wait by ${name}`, async (page) => {
    await using subject = await Subject.start({
      role: 'server',
      consumer: 'iterator',
      consumeUntil: 20,
      options,
    });
    await page.evaluate(`(async () => {
      const entry = await import('/dist/index.browser.js');
      const { numbered } = await import('/test/node/backpressure/numbered.mjs');
      const url = ${JSON.stringify(subject.url)};
      ${open}
      globalThis.written = 0;
      globalThis.isWriting = true;
      globalThis.done = (async () => {
        while (isWriting) await write(numbered(written++, ${messageBytes}));
      })();
    })()`);
    const written = async (): Promise<number> => Number(await page.evaluate('written'));
    await until(async () => (await subject.look()).consumed === 20);
    await subject.measure(true);
    // The page waits: it writes no more, however long one looks.
    let before = -1;
    await until(async () => {
      const now = await written();
      const isStuck = now === before;
      before = now;
      await subject.isStuck();
      return isStuck;
    });
    const measure = await subject.measure();
    expect(measure.consumed).toBe(20);
    expect(measure.retainedBytes).toBeLessThan(highWaterMarkBytes + messageBytes + 128 * KiB + noiseBytes);
    await page.evaluate('isWriting = false');
    await subject.consume();
    await page.evaluate('done');
    const all = await written();
    await until(async () => (await subject.look()).consumed === all);
    expect((await subject.look()).faults).toEqual([]);
  });
}
