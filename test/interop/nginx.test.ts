import { describePeer } from './peer-suite.ts';
import { ws } from './programs.ts';
import { nginx } from './proxies.ts';
import { describeProxy } from './proxy-suite.ts';

describePeer(ws, nginx);
describeProxy(nginx);
