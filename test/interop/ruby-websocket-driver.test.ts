import { describePeer } from './peer-suite.ts';
import { rubyWebsocketDriver } from './programs.ts';

describePeer(rubyWebsocketDriver);
