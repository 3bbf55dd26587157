import { describeDeflate } from './deflate-suite.ts';
import { describePeer } from './peer-suite.ts';
import { pythonWebsockets } from './programs.ts';

describePeer(pythonWebsockets);
describeDeflate(pythonWebsockets);
