import { afterAll } from 'vitest';
import { describeBrowser } from './browser-suite.ts';
import { chromium } from './browsers.ts';
import { describeDeflate } from './deflate-suite.ts';
import { describePeer } from './peer-suite.ts';

afterAll(() => chromium.quit(), 30_000);
describePeer(chromium);
describeDeflate(chromium);
describeBrowser(chromium);
