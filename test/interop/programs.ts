// The peers that are programs: one entry each, from whether it is installed to how it is run.

import { type Peer, startClientProgram, startServerProgram } from './peer.ts';
import type { Command } from './process.ts';
import type { Abilities } from './scenarios.ts';
import { compiled, peerFile } from './workspace.ts';

const everything: Abilities = { fragments: 'any', pings: true, statuses: true, insistsOnSubprotocol: false };

/** Debian's own Python: another one on the path does not see Debian's packages. */
const python = '/usr/bin/python3';
const goPath = '/usr/share/gocode';

/** Python websockets. */
export const pythonWebsockets: Peer = {
  name: 'Python websockets',
  packages: ['python3-websockets'],
  probe: `${python} -c "import websockets"`,
  abilities: everything,
  ...bothRoles(async () => [python, peerFile('python-websockets/peer.py')]),
};

/** Python aiohttp. */
export const aiohttp: Peer = {
  name: 'Python aiohttp',
  packages: ['python3-aiohttp'],
  probe: `${python} -c "import aiohttp"`,
  abilities: { ...everything, fragments: 'none' },
  ...bothRoles(async () => [python, peerFile('aiohttp/peer.py')]),
};

/** Go gorilla/websocket. */
export const gorilla: Peer = {
  name: 'Go gorilla/websocket',
  packages: ['golang-go', 'golang-github-gorilla-websocket-dev'],
  probe: `command -v go && test -d ${goPath}/src/github.com/gorilla/websocket`,
  // Its writer fragments when its buffer of 4 KiB is full, and cannot be told to.
  abilities: { ...everything, fragments: 'large' },
  ...bothRoles(async () => [
    `${await compiled({
      source: 'gorilla/peer.go',
      version: ['go', 'version'],
      command: (source, folder, cache) => ({
        run: ['go', 'build', '-o', `${folder}/peer`, source],
        environment: { GOPATH: goPath, GO111MODULE: 'off', GOFLAGS: '', GOCACHE: `${cache}/go-build` },
      }),
    })}/peer`,
  ]),
};

/** The JDK's java.net.http, which has no server. */
export const javaHttp: Peer = {
  name: 'Java java.net.http',
  packages: ['default-jdk-headless'],
  probe: 'command -v java && command -v javac',
  abilities: everything,
  startClient: async (certificate) => {
    const folder = await compiled({
      source: 'java-http/Peer.java',
      version: ['javac', '-version'],
      command: (source, made) => ({ run: ['javac', '-d', made, source] }),
    });
    // A short run: the quick compiler and the smallest collector start soonest.
    const quick = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-Xshare:auto'];
    return startClientProgram(['java', ...quick, '-cp', folder, 'Peer'], certificate);
  },
};

/** Ruby websocket-driver, the engine of faye-websocket and Action Cable. */
export const rubyWebsocketDriver: Peer = {
  name: 'Ruby websocket-driver',
  packages: ['ruby', 'ruby-websocket-driver'],
  probe: 'ruby -e "require \'websocket/driver\'"',
  abilities: { ...everything, fragments: 'none' },
  ...bothRoles(async () => ['ruby', peerFile('ruby-websocket-driver/peer.rb')]),
};

/** npm ws, from our own development dependencies. */
export const ws: Peer = {
  name: 'npm ws',
  packages: ['nodejs'],
  probe: 'true',
  abilities: { ...everything, insistsOnSubprotocol: true },
  ...bothRoles(async () => [process.execPath, peerFile('ws/peer.mjs')]),
};

function bothRoles(command: () => Promise<Command>): Required<Pick<Peer, 'startClient' | 'startServer'>> {
  return {
    startClient: async (certificate) => startClientProgram(await command(), certificate),
    startServer: async (certificate) => startServerProgram(await command(), certificate),
  };
}
