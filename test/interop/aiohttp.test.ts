import { describePeer } from './peer-suite.ts';
import { aiohttp } from './programs.ts';

describePeer(aiohttp);
