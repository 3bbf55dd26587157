import { describeDeflate } from './deflate-suite.ts';
import { describePeer } from './peer-suite.ts';
import { gorilla } from './programs.ts';

describePeer(gorilla);
describeDeflate(gorilla);
