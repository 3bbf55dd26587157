import { describePeer } from './peer-suite.ts';
import { ws } from './programs.ts';
import { caddy } from './proxies.ts';
import { describeProxy } from './proxy-suite.ts';

describePeer(ws, caddy);
describeProxy(caddy);
