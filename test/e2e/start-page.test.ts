import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { computeAccept } from '../../src/protocol.ts';
import { launchChromium } from '../chromium.ts';
import { withChromium } from './chromium.ts';
import { type DemoProcess, startDemo } from './demo-process.ts';

const desktop = { width: 1280, height: 900 };

withChromium(() => {
  describe('the start page in Chromium', { timeout: 60_000 }, () => {
    let browser: Browser;
    let demo: DemoProcess;
    let complaints: string[];

    beforeAll(async () => {
      browser = await launchChromium();
    }, 60_000);
    afterAll(() => browser.close());
    beforeEach(() => {
      complaints = [];
    });

    const closePages = async (): Promise<void> => {
      for (const context of browser.contexts()) await context.close();
    };

    /** Opens the page as somebody new, and waits until both connections are there. */
    async function open(options: BrowserContextOptions = {}): Promise<Page> {
      const context = await browser.newContext({ viewport: desktop, ...options });
      const page = await context.newPage();
      page.setDefaultTimeout(15_000);
      page.on('console', (message) => {
        if (message.type() === 'error') complaints.push(message.text());
      });
      page.on('pageerror', (error) => complaints.push(String(error)));
      await page.goto(demo.url);
      await page.locator('#connection[data-state="connected"]').waitFor();
      await page.locator('#quotes tr').first().waitFor();
      await page.locator('#people li').first().waitFor();
      await page.locator('li.frame').first().waitFor();
      return page;
    }

    function frame(page: Page, way: 'up' | 'down', kind: string, text = '') {
      return page.locator(`li.frame[data-way="${way}"]:has(.opcode[data-kind="${kind}"])`, { hasText: text });
    }

    /** The fields of the frame that is explained, by name. */
    async function fields(page: Page): Promise<Record<string, { cells: string; meaning: string }>> {
      const entries = await page.locator('#inspector .field').evaluateAll((elements) =>
        elements.map((one) => [
          one.getAttribute('data-field') ?? '',
          {
            cells: [...one.querySelectorAll('.cell')].map((cell) => cell.textContent).join(' '),
            meaning: one.querySelector('.meaning')?.textContent ?? '',
          },
        ]),
      );
      return Object.fromEntries(entries) as Record<string, { cells: string; meaning: string }>;
    }

    describe('with a server of its own for each test', () => {
      beforeEach(async () => {
        demo = await startDemo();
      });
      afterEach(async () => {
        await closePages();
        await demo.stop('SIGKILL');
      });

      test('two tabs chat: messages, names, and who is typing', async () => {
        const ada = await open();
        const grace = await open();
        await ada.fill('#name', 'Ada');
        await ada.press('#name', 'Enter');
        await grace.locator('#people', { hasText: 'Ada' }).waitFor();

        await ada.locator('#text').pressSequentially('Hel');
        await grace.locator('#typing', { hasText: 'Ada is typing' }).waitFor();
        expect(await ada.locator('#typing').textContent()).toBe('');
        await ada.locator('#text').pressSequentially('lo <b>Grace</b>');
        await ada.press('#text', 'Enter');
        // What others write is text, never markup.
        const line = grace.locator('.message', { hasText: 'Hello <b>Grace</b>' });
        await line.waitFor();
        expect(await line.locator('.by b').textContent()).toBe('Ada');
        expect(await grace.locator('#typing').textContent()).toBe('');
        expect(await ada.locator('.message.mine').count()).toBe(1);
        expect(await grace.locator('.message.mine').count()).toBe(0);

        // Whoever closes the page is there for a while yet, so that a reload is no leaving.
        await ada.close();
        const late = await open();
        await late.locator('.message', { hasText: 'Hello <b>Grace</b>' }).waitFor();
        await grace.locator('#people', { hasNotText: 'Ada' }).waitFor();
        expect(complaints).toEqual([]);
      });

      test('a network that is cut and mended loses nothing: messages and prices come, what was said goes out', async () => {
        const ada = await open();
        const grace = await open();
        await ada.fill('#text', 'Before');
        await ada.press('#text', 'Enter');
        await grace.locator('.message', { hasText: 'Before' }).waitFor();

        await ada.click('#cut');
        await ada.locator('#connection', { hasText: 'The network is cut' }).waitFor();
        await ada.getByText('Now neither hears the other').waitFor();
        await ada.locator('.note', { hasText: '/realtime closed with 4002' }).waitFor();
        for (const text of ['One', 'Two', 'Three']) {
          await grace.fill('#text', text);
          await grace.press('#text', 'Enter');
          await grace.locator('.message', { hasText: text }).waitFor();
        }
        await ada.fill('#text', 'Said in the dark');
        await ada.press('#text', 'Enter');
        await ada.locator('.waiting', { hasText: 'Said in the dark' }).waitFor();
        expect(await ada.locator('.message', { hasText: 'Three' }).count()).toBe(0);
        // A price comes every second: one at least is missed.
        const line = grace.locator('.sparkline-line').first();
        const points = await line.getAttribute('points');
        await expect.poll(() => line.getAttribute('points'), { timeout: 5_000 }).not.toBe(points);

        await ada.click('#cut');
        await ada.locator('#connection[data-state="connected"]').waitFor();
        await ada.getByText('Now both talk whenever they like').waitFor();
        await ada.locator('.message.mine', { hasText: 'Said in the dark' }).waitFor();
        await grace.locator('.message', { hasText: 'Said in the dark' }).waitFor();
        await ada.locator('.recovery[data-messages="3"]', { hasText: 'Nothing was lost.' }).waitFor();
        expect(await ada.locator('.message .text').allTextContents()).toEqual([
          'Before',
          'One',
          'Two',
          'Three',
          'Said in the dark',
        ]);
        expect(await ada.locator('.message.recovered').count()).toBe(3);
        expect(Number(await ada.locator('.recovery').getAttribute('data-prices'))).toBeGreaterThan(0);
        expect(await ada.locator('.waiting').count()).toBe(0);
        // Who was gone for a moment never left.
        expect(await grace.locator('#people li').count()).toBe(2);
        expect(complaints).toEqual([]);
      });

      test('when the server goes away the page says so, and it comes back with the server', async () => {
        const page = await open();
        const { port } = demo;
        await page.click('#pause');
        expect(await demo.stop('SIGTERM')).toBe(0);
        await page.locator('#connection', { hasText: 'The connection is gone' }).waitFor();
        expect(await page.locator('#retry').isVisible()).toBe(true);
        demo = await startDemo(port);
        await page.click('#pause');
        // The goodbye was seen before the server went.
        await frame(page, 'down', 'close', '1001 the server is shutting down').first().waitFor();
        if (await page.locator('#retry').isVisible()) await page.click('#retry');
        await page.locator('#connection[data-state="connected"]').waitFor();
        await page.fill('#text', 'Back again');
        await page.press('#text', 'Enter');
        await page.locator('.message', { hasText: 'Back again' }).waitFor();
        await frame(page, 'up', 'text', 'Back again').waitFor();
      });
    });

    describe('with one server for all tests', () => {
      beforeAll(async () => {
        demo = await startDemo();
      }, 60_000);
      afterAll(() => demo.stop('SIGKILL'));

      describe('to a visitor', () => {
        afterEach(closePages);

        test('the ticker moves', async () => {
          const page = await open();
          const quotes = page.locator('#quotes');
          const before = await quotes.textContent();
          const line = await page.locator('.sparkline-line').first().getAttribute('points');
          await expect.poll(() => quotes.textContent(), { timeout: 5_000 }).not.toBe(before);
          expect(await page.locator('.sparkline-line').first().getAttribute('points')).not.toBe(line);
          expect(await quotes.locator('tr').count()).toBe(4);
        });

        test('the handshake is that of this connection, and its accept value is recomputed', async () => {
          const page = await open();
          const request = (await page.locator('#request-head p').allTextContents()).join('\n');
          const response = (await page.locator('#response-head p').allTextContents()).join('\n');
          expect(request).toMatch(/^GET \/realtime\?page=[0-9a-f]{32} HTTP\/1\.1\nHost: 127\.0\.0\.1:\d+\n/);
          const agent = await page.evaluate(() => navigator.userAgent);
          expect(request).toContain(`User-Agent: ${agent}`);
          const key = /^Sec-WebSocket-Key: (.*)$/m.exec(request)?.[1] ?? '';
          expect(response).toMatch(/^HTTP\/1\.1 101 Switching Protocols\n/);
          expect(response).toContain(`\nSec-WebSocket-Accept: ${computeAccept(key)}`);
          expect(response).toContain('\nSec-WebSocket-Protocol: fullduplex.v1.json');
          const steps = await page.locator('#accept dd').allTextContents();
          expect(steps[0]).toBe(key);
          expect(steps[1]).toBe('258EAFA5-E914-47DA-95CA-C5AB0DC85B11');
          expect(steps[2]).toBe(Buffer.from(computeAccept(key), 'base64').toString('hex'));
          expect(steps[3]).toBe(`${computeAccept(key)}✓ the same as the server sent`);
          expect(await page.locator('#story-accept').textContent()).toBe('✓ accept checked');

          await page.locator('#handshake-of label', { hasText: '/lab' }).click();
          expect(await page.locator('#request-head').textContent()).toContain('GET /lab?page=');
          expect(await page.locator('#response-head').textContent()).not.toContain('Sec-WebSocket-Protocol');
        });

        test('frames of every kind are listed as they travel', async () => {
          const page = await open();
          await frame(page, 'up', 'text', '[1,{"v":1').first().waitFor();
          await frame(page, 'down', 'text', '"session":').first().waitFor();
          await frame(page, 'down', 'text', '"OTTR":').first().waitFor();

          await page.click('[data-try="ping"]');
          await frame(page, 'down', 'ping', 'are you there?').waitFor();
          // Chromium answers by itself; its page never hears of it.
          await frame(page, 'up', 'pong', 'are you there?').waitFor();
          await page.locator('#round-trip', { hasText: 'ms' }).waitFor();

          await page.click('[data-try="fragments"]');
          await page.locator('#said', { hasText: 'made of three frames' }).waitFor();
          await frame(page, 'down', 'continuation').nth(1).waitFor();

          await page.click('[data-try="binary"]');
          await page.locator('#said', { hasText: 'One binary message of 256 bytes arrived' }).waitFor();
          await page.click('#send-binary');
          await page
            .locator('#said', { hasText: 'The server got one binary message of 256 bytes' })
            .waitFor();
          await frame(page, 'up', 'binary').waitFor();

          await page.selectOption('#close-code', '4000');
          await page.click('[data-try="close"]');
          await frame(page, 'down', 'close', '4000 because you asked for it').waitFor();
          await frame(page, 'up', 'close', '4000 because you asked for it').waitFor();
          await page.locator('.note', { hasText: '/lab closed with 4000' }).waitFor();
          await page.locator('.note', { hasText: '/lab opened' }).nth(1).waitFor();

          await page.click('#close-here');
          await frame(page, 'up', 'close', '4001 the person wanted to').waitFor();
          await page.locator('.note', { hasText: '/lab closed with 4001' }).waitFor();
          await page.locator('.note', { hasText: '/lab opened' }).nth(2).waitFor();
          // What happens in the lab does not touch the chat.
          expect(await page.locator('.note', { hasText: '/realtime opened' }).count()).toBe(1);
          expect(complaints).toEqual([]);
        });

        test('a frame that the page sent is explained field by field', async () => {
          const page = await open();
          await page.click('[data-try="ping"]');
          const sent = '{"experiment":"ping"}';
          await frame(page, 'up', 'text', sent).click();
          const explained = await fields(page);
          expect(explained).toMatchObject({
            fin: { cells: '1', meaning: 'last frame' },
            rsv: { cells: '0 0 0' },
            opcode: { cells: '0 0 0 1', meaning: '0x1 text' },
            mask: { cells: '1', meaning: 'masked' },
            length: { cells: '0 0 1 0 1 0 1', meaning: '21 bytes' },
            key: { cells: expect.stringMatching(/^[0-9a-f]{2}( [0-9a-f]{2}){3}$/) },
          });
          expect(explained).not.toHaveProperty('extended');

          // The wire as shown: header, key, and the payload that the key unmasks.
          const bytesOf = async (kind: string): Promise<number[]> => {
            const rows = await page.locator(`.dump.${kind} .dump-hex`).allTextContents();
            return rows.flatMap((row) => row.trim().split(' ')).map((byte) => Number.parseInt(byte, 16));
          };
          const wire = await bytesOf('masked');
          const key = wire.slice(2, 6);
          expect(wire.slice(0, 2)).toEqual([0x81, 0x80 | 21]);
          expect(key.map((byte) => byte.toString(16).padStart(2, '0')).join(' ')).toBe(
            explained['key'].cells,
          );
          const unmasked = wire.slice(6).map((byte, index) => byte ^ key[index % 4]);
          expect(Buffer.from(unmasked).toString()).toBe(sent);
          expect(await bytesOf('unmasked')).toEqual(unmasked);
          expect(await page.locator('#inspector q').textContent()).toBe(sent);
        });

        test('the extended lengths of 16 and 64 bits are explained', async () => {
          const page = await open();
          await page.click('[data-try="binary"]');
          await frame(page, 'down', 'binary', '256').click();
          expect(await fields(page)).toMatchObject({
            mask: { cells: '0', meaning: 'not masked' },
            length: { cells: '1 1 1 1 1 1 0', meaning: '126: 16 bits follow' },
            extended: { cells: '01 00', meaning: '256 bytes' },
          });
          await page.click('[data-try="large-binary"]');
          await frame(page, 'down', 'binary', '70,000').click();
          expect(await fields(page)).toMatchObject({
            length: { cells: '1 1 1 1 1 1 1', meaning: '127: 64 bits follow' },
            extended: { cells: '00 00 00 00 00 01 11 70', meaning: '70,000 bytes' },
          });
          expect(await page.locator('.words').textContent()).toContain('68,976 more bytes followed');
        });

        test('the keyboard alone leads to a frame and its explanation, and back', async () => {
          const page = await open();
          await page.keyboard.press('Tab');
          expect(await page.evaluate(() => document.activeElement?.textContent)).toBe('Skip to the frames');
          await page.keyboard.press('Enter');
          const focusedId = (): Promise<string | undefined> =>
            page.evaluate(() => document.activeElement?.id);
          for (let step = 0; step < 8 && (await focusedId()) !== 'frame-list'; step++)
            await page.keyboard.press('Tab');
          expect(await focusedId()).toBe('frame-list');

          await page.keyboard.press('Home');
          const chosen = page.locator('li.frame[aria-selected="true"]');
          expect(await chosen.getAttribute('id')).toBe('frame-1');
          await page.keyboard.press('ArrowDown');
          expect(await chosen.getAttribute('id')).toBe('frame-2');
          expect(await page.getAttribute('#frame-list', 'aria-activedescendant')).toBe('frame-2');
          expect(await page.getAttribute('#inspector', 'data-frame')).toBe('2');
          await page.keyboard.press('ArrowUp');
          await page.keyboard.press('Enter');
          expect(await focusedId()).toBe('inspector');
          expect(await page.getAttribute('#inspector', 'data-frame')).toBe('1');
          await page.keyboard.press('Escape');
          expect(await focusedId()).toBe('frame-list');
        });

        test('the list pauses, goes on with what it missed, and shows what is asked for', async () => {
          const page = await open();
          await page.click('#pause');
          const count = await page.locator('li.frame').count();
          await page.locator('#pause', { hasText: /[1-9] new/ }).waitFor();
          expect(await page.locator('li.frame').count()).toBe(count);
          await page.click('#pause');
          expect(await page.locator('li.frame').count()).toBeGreaterThan(count);

          await page.click('[data-try="ping"]');
          await frame(page, 'up', 'pong').waitFor();
          await page.locator('.segments label', { hasText: 'Control' }).click();
          const visible = (): Promise<string[]> => page.locator('li.frame:visible .opcode').allTextContents();
          expect(new Set(await visible())).toEqual(new Set(['ping', 'pong']));
          await page.locator('.segments label', { hasText: 'Lab' }).first().click();
          expect(new Set(await page.locator('li.frame:visible .way').allTextContents())).toEqual(
            new Set(['↑ lab', '↓ lab']),
          );
        });
      });

      describe('to the eye', () => {
        let page: Page;
        beforeAll(async () => {
          complaints = [];
          page = await open();
        }, 60_000);
        afterAll(closePages);

        test.each(['light', 'dark'] as const)(
          'in %s every text stands out from its ground',
          async (colorScheme) => {
            await page.emulateMedia({ colorScheme });
            await frame(page, 'up', 'text').first().click();
            const background = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
            expect(luminanceOf(background) > 0.5).toBe(colorScheme === 'light');
            const pairs = await page.evaluate(() => {
              const groundOf = (element: Element | null): string => {
                for (let one = element; one !== null; one = one.parentElement) {
                  const { backgroundColor } = getComputedStyle(one);
                  if (backgroundColor.startsWith('rgb(')) return backgroundColor;
                }
                return 'rgb(255, 255, 255)';
              };
              const places =
                'h1, h2, h3, h4, .hint, .price, .change, .time, .way, .opcode, .preview, .cell, .meaning';
              return [
                ...document.querySelectorAll(
                  `${places}, .dump-hex span, .dump-text, .head p, .verdict, button`,
                ),
              ].map((element) => ({
                name: `${element.tagName}.${element.className}`,
                text: getComputedStyle(element).color,
                ground: groundOf(element),
              }));
            });
            expect(pairs.length).toBeGreaterThan(60);
            const faint = pairs.filter(({ text, ground }) => contrastOf(text, ground) < 4.5);
            expect(faint).toEqual([]);
          },
        );

        test.each([360, 768, 1024])('at a width of %i nothing is wider than the screen', async (width) => {
          await page.setViewportSize({ width, height: 740 });
          await page.click('[data-try="large-binary"]');
          await frame(page, 'down', 'binary').last().click();
          await page.fill('#text', 'w'.repeat(300));
          await page.press('#text', 'Enter');
          await page.locator('.message').last().waitFor();
          expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(width);
        });

        test('with reduced motion nothing moves by itself', async () => {
          await page.emulateMedia({ reducedMotion: 'reduce' });
          await page.evaluate(() =>
            document.getElementById('connection')?.setAttribute('data-state', 'lost'),
          );
          const animation = await page.locator('.dot').evaluate((dot) => getComputedStyle(dot).animationName);
          expect(animation).toBe('none');
        });
      });
    });
  });
});

/** The relative luminance of an rgb() colour (WCAG 2). */
function luminanceOf(colour: string): number {
  const [red, green, blue] = (colour.match(/[\d.]+/g) ?? []).slice(0, 3).map((part) => {
    const share = Number(part) / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function contrastOf(one: string, other: string): number {
  const [dark, light] = [luminanceOf(one), luminanceOf(other)].toSorted((a, b) => a - b);
  return (light + 0.05) / (dark + 0.05);
}
