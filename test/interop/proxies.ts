// nginx and HAProxy as reverse proxies, from configuration files written for the test: own ports, own folder, in
// the foreground, with no rights that a user has not, ended by their pid.

import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import type { Requirement } from './peer.ts';
import { type Command, Process } from './process.ts';
import { type Certificate, temporaryFolder } from './workspace.ts';

/** How a proxy is set up for a test. */
export interface ProxyOptions {
  /** Given: the proxy speaks TLS to its clients (and never to the server behind it). */
  readonly certificate?: Certificate | undefined;
  /** After how much silence it cuts a tunnel, in milliseconds. */
  readonly idleTimeoutMs?: number;
}

/** A proxy that runs. */
export interface RunningProxy {
  readonly port: number;
  stop(): Promise<void>;
}

/** A reverse proxy. */
export interface Proxy extends Requirement {
  /** Starts it in front of a port of 127.0.0.1, and waits until it listens. */
  start(upstreamPort: number, options?: ProxyOptions): Promise<RunningProxy>;
}

interface Setup {
  readonly folder: string;
  readonly port: number;
  readonly upstreamPort: number;
  readonly certificate: Certificate | undefined;
  readonly idleTimeoutMs: number;
}

interface Program {
  readonly configuration: (setup: Setup) => string;
  readonly command: (file: string, folder: string) => Command;
  /** The line of standard error by which it says that it listens. */
  readonly ready: RegExp;
}

/** nginx, with the lines that every guide to WebSocket behind nginx gives. */
export const nginx: Proxy = {
  name: 'nginx',
  install: ['nginx-light'],
  probe: 'test -x /usr/sbin/nginx',
  start: (upstreamPort, options) => startProgram(nginxProgram, upstreamPort, options),
};

/** HAProxy. */
export const haproxy: Proxy = {
  name: 'HAProxy',
  install: ['haproxy'],
  probe: 'test -x /usr/sbin/haproxy',
  start: (upstreamPort, options) => startProgram(haproxyProgram, upstreamPort, options),
};

const nginxProgram: Program = {
  command: (file, folder) => ['/usr/sbin/nginx', '-p', folder, '-e', 'stderr', '-c', file],
  ready: /start worker process|using the "\w+" event method/,
  configuration: ({ folder, port, upstreamPort, certificate, idleTimeoutMs }) => `
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
  map $http_upgrade $connection_upgrade { default upgrade; '' close; }
  server {
    listen 127.0.0.1:${port}${certificate === undefined ? '' : ' ssl'};
    ${
      certificate === undefined
        ? ''
        : `ssl_certificate ${certificate.certFile}; ssl_certificate_key ${certificate.keyFile};`
    }
    location / {
      proxy_pass http://127.0.0.1:${upstreamPort};
      proxy_http_version 1.1;
      proxy_set_header Host $http_host;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection $connection_upgrade;
      proxy_read_timeout ${idleTimeoutMs}ms;
    }
  }
}
`,
};

const haproxyProgram: Program = {
  // With a master process, since only that says when it listens; ended, it ends its worker.
  command: (file) => ['/usr/sbin/haproxy', '-W', '-db', '-f', file],
  ready: /Loading success/,
  configuration: ({ folder, port, upstreamPort, certificate, idleTimeoutMs }) => `
defaults
  mode http
  retries 0
  timeout connect 5s
  timeout client 10s
  timeout server 10s
  timeout tunnel ${idleTimeoutMs}ms
frontend front
  bind 127.0.0.1:${port}${certificate === undefined ? '' : ` ssl crt ${folder}/both.pem`}
  default_backend ours
backend ours
  server ours 127.0.0.1:${upstreamPort}
`,
};

async function startProgram(
  { configuration, command, ready }: Program,
  upstreamPort: number,
  { certificate, idleTimeoutMs = 60_000 }: ProxyOptions = {},
): Promise<RunningProxy> {
  const folder = await temporaryFolder();
  const file = join(folder.path, 'proxy.conf');
  if (certificate !== undefined) {
    // HAProxy wants the certificate and its key in one file.
    await writeFile(join(folder.path, 'both.pem'), certificate.cert + certificate.key, { mode: 0o600 });
  }
  for (let attempt = 1; ; attempt += 1) {
    const port = await freePort();
    const setup: Setup = { folder: folder.path, port, upstreamPort, certificate, idleTimeoutMs };
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
          'stderr',
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
