import { describePeer } from './peer-suite.ts';
import { gorilla } from './programs.ts';

describePeer(gorilla);
