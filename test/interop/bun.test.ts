import { describeDeflate } from './deflate-suite.ts';
import { describePeer } from './peer-suite.ts';
import { bun } from './programs.ts';

describePeer(bun);
describeDeflate(bun);
