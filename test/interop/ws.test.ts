import { describePeer } from './peer-suite.ts';
import { ws } from './programs.ts';

describePeer(ws);
