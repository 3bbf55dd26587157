// Reverse proxies with the settings that docs/deploy.md shows: own ports, own folder, in the foreground, with no rights
// that a user has not, ended by their pid.

import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { documented, substitute } from './documented.ts';
import type { Requirement } from './peer.ts';
import { type Command, Process } from './process.ts';
import { type Certificate, temporaryFolder } from './workspace.ts';

/** How a proxy is set up for a test. */
export interface ProxyOptions {
  /** Given: the proxy speaks TLS to its clients (and never to the server behind it). */
  readonly certificate?: Certificate | undefined;
  /** After how much silence it cuts a tunnel, in milliseconds. */
  readonly idleTimeoutMs?: number;
  /** Whether it speaks HTTP/2 to the server behind it, without TLS; HAProxy only. */
  readonly speaksHttp2Behind?: boolean;
  /** Whether it takes HTTP/2 from its clients, with TLS; HAProxy always does, nginx when it is told to. */
  readonly takesHttp2?: boolean;
}

/** A proxy that runs. */
export interface RunningProxy {
  readonly port: number;
  stop(): Promise<void>;
}

/** A reverse proxy. */
export interface Proxy extends Requirement {
  /** Whether it cuts a tunnel in which nothing happens. */
  readonly cutsSilence: boolean;
  /** Whether it speaks HTTP/2, and nothing else, to the server behind it. */
  readonly isHttp2Behind?: boolean;
  /** Starts it in front of a port of 127.0.0.1, and waits until it listens. */
  start(upstreamPort: number, options?: ProxyOptions): Promise<RunningProxy>;
}

interface Setup {
  readonly folder: string;
  readonly port: number;
  readonly upstreamPort: number;
  readonly certificate: Certificate | undefined;
  readonly idleTimeoutMs: number;
  readonly speaksHttp2Behind: boolean;
  readonly takesHttp2: boolean;
}

interface Program {
  readonly configuration: (setup: Setup) => string;
  readonly command: (file: string, folder: string) => Command;
  /** The line by which it says that it listens. */
  readonly ready: RegExp;
  /** Where it says so. @defaultValue 'stderr' */
  readonly says?: 'stdout';
}

/** nginx. */
export const nginx: Proxy = {
  name: 'nginx',
  install: ['nginx-light'],
  probe: 'test -x /usr/sbin/nginx',
  cutsSilence: true,
  start: (upstreamPort, options) => startProgram(nginxProgram, upstreamPort, options),
};

/** HAProxy. */
export const haproxy: Proxy = {
  name: 'HAProxy',
  install: ['haproxy'],
  probe: 'test -x /usr/sbin/haproxy',
  cutsSilence: true,
  start: (upstreamPort, options) => startProgram(haproxyProgram, upstreamPort, options),
};

/** HAProxy, speaking HTTP/2 to the server behind it. */
export const haproxyToHttp2: Proxy = {
  ...haproxy,
  name: 'HAProxy with HTTP/2 behind it',
  isHttp2Behind: true,
  start: (upstreamPort, options) =>
    startProgram(haproxyProgram, upstreamPort, { ...options, speaksHttp2Behind: true }),
};

/** Caddy. */
export const caddy: Proxy = {
  name: 'Caddy',
  install: ['caddy'],
  probe: 'test -x /usr/bin/caddy',
  cutsSilence: false,
  start: (upstreamPort, options) => startProgram(caddyProgram, upstreamPort, options),
};

/** Apache httpd: mod_proxy_http takes the upgrade. */
export const apache: Proxy = {
  name: 'Apache httpd',
  install: ['apache2-bin'],
  probe: 'test -x /usr/sbin/apache2',
  cutsSilence: true,
  start: (upstreamPort, options) => startProgram(apacheProgram, upstreamPort, options),
};

const nginxProgram: Program = {
  command: (file, folder) => ['/usr/sbin/nginx', '-p', folder, '-e', 'stderr', '-c', file],
  ready: /start worker process|using the "\w+" event method/,
  configuration({ folder, port, upstreamPort, certificate, idleTimeoutMs, takesHttp2 }) {
    const tls = `${certificate === undefined ? '' : ' ssl'}${takesHttp2 ? ' http2' : ''}`;
    const shown = substitute(documented('nginx'), {
      'listen 443 ssl;': `listen 127.0.0.1:${port}${tls};`,
      '127.0.0.1:8080': `127.0.0.1:${upstreamPort}`,
      '/etc/ssl/chat.pem': certificate?.certFile ?? 'none',
      '/etc/ssl/chat.key': certificate?.keyFile ?? 'none',
      'proxy_read_timeout 60s': `proxy_read_timeout ${idleTimeoutMs}ms`,
    });
    return `
daemon off;
master_process off;
pid ${folder}/nginx.pid;
error_log stderr notice;
events { worker_connections 64; }
http {
  access_log off;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
${certificate === undefined ? withoutLines(shown, /ssl_certificate/) : shown}
}
`;
  },
};

const haproxyProgram: Program = {
  // With a master process, since only that says when it listens; ended, it ends its worker.
  command: (file) => ['/usr/sbin/haproxy', '-W', '-db', '-f', file],
  ready: /Loading success/,
  configuration({ folder, port, upstreamPort, certificate, idleTimeoutMs, speaksHttp2Behind }) {
    const shown = documented('haproxy');
    const [front] = shown.split(/^(?=backend )/m);
    return substitute(speaksHttp2Behind ? front + documented('haproxy', 'http2') : shown, {
      ':443 ssl crt /etc/haproxy/chat.pem alpn h2,http/1.1': `127.0.0.1:${port}${
        certificate === undefined ? '' : ` ssl crt ${folder}/both.pem alpn h2,http/1.1`
      }`,
      '127.0.0.1:8080': `127.0.0.1:${upstreamPort}`,
      'timeout tunnel 60s': `timeout tunnel ${idleTimeoutMs}ms`,
    });
  },
};

const caddyProgram: Program = {
  command: (file, folder) => [
    'env',
    `XDG_CONFIG_HOME=${folder}`,
    `XDG_DATA_HOME=${folder}`,
    ...(['caddy', 'run', '--adapter', 'caddyfile', '--config', file] as const),
  ],
  ready: /serving initial configuration/,
  configuration({ port, upstreamPort, certificate }) {
    const scheme = certificate === undefined ? 'http' : 'https';
    const tls = certificate === undefined ? '' : `\n  tls ${certificate.certFile} ${certificate.keyFile}`;
    const shown = substitute(documented('caddy'), {
      'chat.example.com {': `${scheme}://127.0.0.1:${port} {\n  bind 127.0.0.1${tls}`,
      '127.0.0.1:8080': `127.0.0.1:${upstreamPort}`,
    });
    // What Caddy does of itself: an interface for administration, certificates from a public authority.
    return `{\n  admin off\n  auto_https off\n}\n${shown}`;
  },
};

const apacheProgram: Program = {
  command: (file) => ['/usr/sbin/apache2', '-DFOREGROUND', '-f', file],
  ready: /resuming normal operations/,
  says: 'stdout',
  configuration({ folder, port, upstreamPort, certificate, idleTimeoutMs }) {
    const shown = substitute(documented('apache'), {
      '<VirtualHost *:443>': `<VirtualHost 127.0.0.1:${port}>`,
      '127.0.0.1:8080': `127.0.0.1:${upstreamPort}`,
      '/etc/ssl/chat.pem': certificate?.certFile ?? 'none',
      '/etc/ssl/chat.key': certificate?.keyFile ?? 'none',
      'Timeout 60': `Timeout ${Math.ceil(idleTimeoutMs / 1000)}`,
    });
    const modules = ['mpm_event', 'authz_core', 'headers', 'proxy', 'proxy_http', 'ssl'].map(
      (name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`,
    );
    return `
ServerRoot ${folder}
ServerName localhost
PidFile ${folder}/apache.pid
DefaultRuntimeDir ${folder}
Listen 127.0.0.1:${port}
ErrorLog "|/bin/cat"
LogLevel notice
StartServers 1
ServerLimit 2
ThreadsPerChild 32
MaxRequestWorkers 64
${modules.join('\n')}
${certificate === undefined ? withoutLines(shown, /SSL/) : shown}
`;
  },
};

function withoutLines(text: string, pattern: RegExp): string {
  return text
    .split('\n')
    .filter((line) => !pattern.test(line))
    .join('\n');
}

async function startProgram(
  { configuration, command, ready, says }: Program,
  upstreamPort: number,
  { certificate, idleTimeoutMs = 60_000, speaksHttp2Behind = false, takesHttp2 = false }: ProxyOptions = {},
): Promise<RunningProxy> {
  const folder = await temporaryFolder();
  const file = join(folder.path, 'proxy.conf');
  if (certificate !== undefined) {
    // HAProxy wants the certificate and its key in one file.
    await writeFile(join(folder.path, 'both.pem'), certificate.cert + certificate.key, { mode: 0o600 });
  }
  for (let attempt = 1; ; attempt += 1) {
    const port = await freePort();
    const setup: Setup = {
      folder: folder.path,
      port,
      upstreamPort,
      certificate,
      idleTimeoutMs,
      speaksHttp2Behind,
      takesHttp2,
    };
    await writeFile(file, configuration(setup));
    const child = new Process(command(file, folder.path));
    const stop = async (): Promise<void> => {
      await child.stop();
      await folder.remove();
    };
    try {
      await new Promise<void>((resolve, reject) => {
        child.read(
          (line) => {
            if (ready.test(line)) resolve();
          },
          reject,
          says ?? 'stderr',
        );
      });
      return { port, stop };
    } catch (error) {
      // Neither program can be given port 0: somebody may have taken the port since we let it go.
      if (attempt < 3 && /in use|cannot bind/i.test(child.errorTail)) continue;
      await stop();
      throw error;
    }
  }
}

/** A port that was free a moment ago. */
async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
}
