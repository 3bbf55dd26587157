import { describeDeflate } from './deflate-suite.ts';
import { describePeer } from './peer-suite.ts';
import { ws } from './programs.ts';

describePeer(ws);
describeDeflate(ws);
