import { afterAll } from 'vitest';
import { describeBrowser } from './browser-suite.ts';
import { firefox } from './browsers.ts';
import { describeDeflate } from './deflate-suite.ts';
import { describePeer } from './peer-suite.ts';

afterAll(() => firefox.quit(), 30_000);
describePeer(firefox);
describeDeflate(firefox);
describeBrowser(firefox);
