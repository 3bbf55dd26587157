import { describeDeflate } from './deflate-suite.ts';
import { describePeer } from './peer-suite.ts';
import { aiohttp } from './programs.ts';

describePeer(aiohttp);
describeDeflate(aiohttp);
