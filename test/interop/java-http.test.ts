import { describePeer } from './peer-suite.ts';
import { javaHttp } from './programs.ts';

describePeer(javaHttp);
