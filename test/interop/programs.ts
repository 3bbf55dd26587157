// The peers that are programs: one entry each, from whether it is installed to how it is run.

import { completeDeflate, type DeflateAbilities, everyWindow } from './deflate-settings.ts';
import { type Peer, startClientProgram, startServerProgram } from './peer.ts';
import type { Command } from './process.ts';
import type { Abilities } from './scenarios.ts';
import { cacheFolder, compiled, peerFile } from './workspace.ts';

const everything: Abilities = { fragments: 'any', pings: true, statuses: true, insistsOnSubprotocol: false };

/** Debian's own Python: another one on the path does not see Debian's packages. */
const python = '/usr/bin/python3';
const goPath = '/usr/share/gocode';

/** zlib has no compressor of 8 bits for a raw stream: those who hand the number to it can be limited to 9 at least. */
const windowsOfZlib = everyWindow.filter((bits) => bits > 8);

/** Python websockets. */
export const pythonWebsockets: Peer = {
  name: 'Python websockets',
  install: ['python3-websockets'],
  probe: `${python} -c "import websockets"`,
  abilities: everything,
  deflate: {
    asClient: { ...completeDeflate, itsWindows: windowsOfZlib },
    asServer: { ...completeDeflate, itsWindows: windowsOfZlib, breakingWindows: [8] },
    allowsControlBetweenFragments: true,
  },
  ...bothRoles(async () => [python, peerFile('python-websockets/peer.py')]),
};

/** Python aiohttp. */
export const aiohttp: Peer = {
  name: 'Python aiohttp',
  install: ['python3-aiohttp'],
  probe: `${python} -c "import aiohttp"`,
  abilities: { ...everything, fragments: 'none' },
  deflate: {
    asClient: {
      ...completeDeflate,
      always: 'client_max_window_bits',
      choosesTakeover: false,
      ourWindows: windowsOfZlib,
      itsWindows: windowsOfZlib,
    },
    asServer: { ...completeDeflate, choosesTakeover: false, ourWindows: [], itsWindows: windowsOfZlib },
    allowsControlBetweenFragments: false,
  },
  ...bothRoles(async () => [python, peerFile('aiohttp/peer.py')]),
};

/** No takeover and no windows, in either role. */
const deflateOfGorilla: DeflateAbilities = {
  ...completeDeflate,
  always: 'server_no_context_takeover; client_no_context_takeover',
  choosesTakeover: false,
  ourWindows: [],
  itsWindows: [],
  canSendPlain: true,
};

/** Go gorilla/websocket. */
export const gorilla: Peer = {
  name: 'Go gorilla/websocket',
  install: ['golang-go', 'golang-github-gorilla-websocket-dev'],
  probe: `command -v go && test -d ${goPath}/src/github.com/gorilla/websocket`,
  // Its writer fragments when its buffer of 4 KiB is full, and cannot be told to.
  abilities: { ...everything, fragments: 'large' },
  deflate: { asClient: deflateOfGorilla, asServer: deflateOfGorilla, allowsControlBetweenFragments: true },
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
  install: ['default-jdk-headless'],
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
  install: ['ruby', 'ruby-websocket-driver'],
  probe: 'ruby -e "require \'websocket/driver\'"',
  abilities: { ...everything, fragments: 'none' },
  ...bothRoles(async () => ['ruby', peerFile('ruby-websocket-driver/peer.rb')]),
};

/** npm ws, from our own development dependencies. */
export const ws: Peer = {
  name: 'npm ws',
  install: ['nodejs'],
  probe: 'true',
  abilities: { ...everything, insistsOnSubprotocol: true },
  deflate: {
    asClient: { ...completeDeflate, canSendPlain: true },
    asServer: { ...completeDeflate, canSendPlain: true },
    allowsControlBetweenFragments: true,
  },
  ...bothRoles(async () => [process.execPath, peerFile('ws/peer.mjs')]),
};

const bunVersion = '1.4.5';
const bunPackage = `@oven/bun-${process.platform}-${process.arch === 'arm64' ? 'aarch64' : process.arch}`;
const bunFolder = `${cacheFolder}/bun-${bunVersion}`;
const bunProgram = `${bunFolder}/node_modules/${bunPackage}/bin/bun`;

/** Bun's own server and client. */
export const bun: Peer = {
  name: 'Bun',
  install: `npm install ${bunPackage}@${bunVersion} has to work: it is kept in node_modules/.cache`,
  // 50 MB to download (4 s) are too much for a development dependency. Made beside and moved into place: another worker
  // may be at it as well.
  probe: `test -x ${bunProgram} || {
    mkdir -p ${cacheFolder} && made=$(mktemp -d ${cacheFolder}/making-XXXXXX) || exit 1
    npm install --prefix "$made" --no-audit --no-fund --fetch-retries=0 ${bunPackage}@${bunVersion} &&
      mv -T "$made" ${bunFolder}
    rm -rf "$made"
    test -x ${bunProgram}
  }`,
  abilities: { ...everything, fragments: 'none', statuses: false, insistsOnSubprotocol: true },
  deflate: {
    asClient: {
      ...completeDeflate,
      always: 'client_max_window_bits',
      choosesTakeover: false,
      ourWindows: [],
      thresholdBytes: 1024,
    },
    asServer: { ...completeDeflate, ourWindows: [], canSendPlain: true },
    allowsControlBetweenFragments: true,
  },
  ...bothRoles(async () => [bunProgram, peerFile('bun/peer.mjs')]),
};

function bothRoles(command: () => Promise<Command>): Required<Pick<Peer, 'startClient' | 'startServer'>> {
  return {
    startClient: async (certificate) => startClientProgram(await command(), certificate),
    startServer: async (certificate, deflate) => startServerProgram(await command(), certificate, deflate),
  };
}
