// Proxies that clients are told to use, as programs: tinyproxy and Squid (HTTP CONNECT, Squid with TLS too) and microsocks
// (SOCKS5), each with a user and a password, from configuration files written for the test, on own ports, in own folders.

import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { chmod, writeFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Requirement } from './peer.ts';
import { type Command, Process } from './process.ts';
import { type Certificate, makeCertificate, temporaryFolder } from './workspace.ts';

/** The user and the password that all of them want. */
export const credentials = { username: 'ann', password: 'sesame42' } as const;

/** A proxy that runs. */
export interface RunningForwardProxy {
  /** Its URL without user and password. */
  readonly url: string;
  /** The certificate, when TLS is spoken to it. */
  readonly certificate: Certificate | undefined;
  stop(): Promise<void>;
}

/** A program that is a proxy. */
export interface ForwardProxy extends Requirement {
  readonly scheme: 'http' | 'https' | 'socks5h';
  start(): Promise<RunningForwardProxy>;
}

interface Setup {
  readonly folder: string;
  readonly port: number;
  readonly certificate: Certificate | undefined;
}

interface Program {
  readonly scheme: ForwardProxy['scheme'];
  /** Writes what it needs, and gives the command that stays in the foreground. */
  readonly prepare: (setup: Setup) => Promise<Command>;
}

const execute = promisify(execFile);

const tinyproxyProgram: Program = {
  scheme: 'http',
  async prepare({ folder, port }) {
    const file = join(folder, 'tinyproxy.conf');
    const { username, password } = credentials;
    const lines = ['Listen 127.0.0.1', `Port ${port}`, 'Timeout 60', 'MaxClients 20', 'LogLevel Error'];
    await writeFile(file, [...lines, `BasicAuth ${username} ${password}`, ''].join('\n'));
    return ['tinyproxy', '-d', '-c', file];
  },
};

const microsocksProgram: Program = {
  scheme: 'socks5h',
  async prepare({ port }) {
    const { username, password } = credentials;
    return ['microsocks', '-i', '127.0.0.1', '-p', String(port), '-u', username, '-P', password];
  },
};

function squidProgram(scheme: 'http' | 'https'): Program {
  return {
    scheme,
    async prepare({ folder, port, certificate }) {
      const { stdout } = await execute('openssl', ['passwd', '-apr1', credentials.password]);
      await writeFile(join(folder, 'users'), `${credentials.username}:${stdout}`);
      const secure =
        certificate === undefined ? '' : ` cert=${certificate.certFile} key=${certificate.keyFile}`;
      const file = join(folder, 'squid.conf');
      await writeFile(
        file,
        `
${scheme}_port 127.0.0.1:${port}${secure}
pid_filename none
access_log none
cache_log /dev/stderr
cache_store_log none
cache deny all
memory_cache_shared off
netdb_filename none
shutdown_lifetime 0 seconds
visible_hostname localhost
coredump_dir ${folder}
auth_param basic program /usr/lib/squid/basic_ncsa_auth ${folder}/users
auth_param basic children 1 startup=1
acl known proxy_auth REQUIRED
http_access allow known
http_access deny all
`,
      );
      // Started by root it becomes another user, who has to read all this.
      for (const name of [folder, file, join(folder, 'users'), certificate?.certFile, certificate?.keyFile])
        if (name !== undefined) await chmod(name, 0o755);
      return ['/usr/sbin/squid', '-N', '-f', file];
    },
  };
}

/** Every proxy that is tested. */
export const forwardProxies: readonly ForwardProxy[] = [
  {
    name: 'tinyproxy',
    install: ['tinyproxy-bin'],
    probe: 'command -v tinyproxy',
    scheme: 'http',
    start: () => startProgram(tinyproxyProgram),
  },
  {
    name: 'Squid',
    install: ['squid-openssl'],
    probe: 'test -x /usr/sbin/squid',
    scheme: 'http',
    start: () => startProgram(squidProgram('http')),
  },
  {
    name: 'Squid with TLS',
    install: ['squid-openssl'],
    probe: 'test -x /usr/sbin/squid && /usr/sbin/squid -v | grep -q with-openssl',
    scheme: 'https',
    start: () => startProgram(squidProgram('https')),
  },
  {
    name: 'microsocks',
    install: ['microsocks'],
    probe: 'command -v microsocks',
    scheme: 'socks5h',
    start: () => startProgram(microsocksProgram),
  },
];

async function startProgram({ scheme, prepare }: Program): Promise<RunningForwardProxy> {
  const folder = await temporaryFolder();
  const certificate = scheme === 'https' ? await makeCertificate(folder.path) : undefined;
  for (let attempt = 1; ; attempt += 1) {
    const port = await freePort();
    const child = new Process(await prepare({ folder: folder.path, port, certificate }));
    let death: Error | undefined;
    child.read(
      () => {},
      (error) => {
        death = error;
      },
    );
    const stop = async (): Promise<void> => {
      await child.stop();
      await folder.remove();
    };
    try {
      // Not all of them say when they listen.
      while (!(await isListening(port))) if (death !== undefined) throw death;
      return { url: `${scheme}://127.0.0.1:${port}`, certificate, stop };
    } catch (error) {
      // None of them can be given port 0: somebody may have taken the port since we let it go.
      if (attempt < 3) continue;
      await stop();
      throw error;
    }
  }
}

/** Whether somebody listens; asked again after a while, which costs nothing. */
function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(port, '127.0.0.1');
    probe.on('connect', () => probe.end(() => resolve(true)));
    probe.on('error', () => setTimeout(resolve, 20, false));
  });
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
}
