import { describePeer } from './peer-suite.ts';
import { ws } from './programs.ts';
import { apache } from './proxies.ts';
import { describeProxy } from './proxy-suite.ts';

describePeer(ws, apache);
describeProxy(apache);
