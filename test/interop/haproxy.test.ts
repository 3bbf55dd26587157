import { describePeer } from './peer-suite.ts';
import { ws } from './programs.ts';
import { haproxy, haproxyToHttp2 } from './proxies.ts';
import { describeProxy } from './proxy-suite.ts';

describePeer(ws, haproxy);
describeProxy(haproxy);
describeProxy(haproxyToHttp2);
