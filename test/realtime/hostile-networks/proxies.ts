// Proxies that do to connections what real ones do: each stands on a port of its own before a server on this machine.

import { once } from 'node:events';
import {
  createServer as createHttpServer,
  request as httpRequest,
  type Server as HttpServer,
} from 'node:http';
import { connect, createServer, type Server, type Socket } from 'node:net';

/** A proxy. */
export interface HostileProxy extends AsyncDisposable {
  readonly port: number;
  /** What has gone through it so far: requests, or connections where it does not look at requests. */
  readonly count: number;
  /** Of these, the requests for a WebSocket. */
  readonly upgrades: number;
}

abstract class PortProxy implements HostileProxy {
  protected readonly targetPort: number;
  protected readonly sockets = new Set<Socket>();
  count = 0;
  upgrades = 0;

  constructor(targetPort: number) {
    this.targetPort = targetPort;
  }

  protected abstract readonly server: Server;

  get port(): number {
    const address = this.server.address();
    if (address === null || typeof address === 'string') throw new Error('the proxy does not listen');
    return address.port;
  }

  /** Remembers a socket, so that it ends with the proxy. */
  protected keep(socket: Socket): void {
    this.sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.once('close', () => this.sockets.delete(socket));
  }

  async listen(): Promise<this> {
    this.server.on('connection', (socket: Socket) => this.keep(socket));
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.server, 'close');
    this.server.close();
    for (const socket of this.sockets) socket.destroy();
    await closed;
  }
}

/** Passes on requests of HTTP without their Upgrade, as proxies do that know no WebSocket; responses that stream go on streaming. */
export class StrippingProxy extends PortProxy {
  protected readonly server: HttpServer = createHttpServer((incoming, outgoing) => {
    this.count++;
    if (incoming.headers.upgrade !== undefined) this.upgrades++;
    const { upgrade: _upgrade, connection: _connection, ...headers } = incoming.headers;
    const passedOn = httpRequest(
      { host: '127.0.0.1', port: this.targetPort, method: incoming.method, path: incoming.url, headers },
      (response) => {
        outgoing.writeHead(response.statusCode ?? 502, response.headers);
        this.pass(response, outgoing);
      },
    );
    passedOn.on('error', () => outgoing.destroy());
    outgoing.once('close', () => passedOn.destroy());
    incoming.pipe(passedOn);
  });

  protected pass(response: NodeJS.ReadableStream, outgoing: NodeJS.WritableStream): void {
    response.pipe(outgoing);
  }
}

/** The same, and it holds every response back until it is complete. */
export class BufferingProxy extends StrippingProxy {
  protected override pass(response: NodeJS.ReadableStream, outgoing: NodeJS.WritableStream): void {
    const chunks: (string | Buffer)[] = [];
    response.on('data', (chunk: string | Buffer) => chunks.push(chunk));
    response.once('end', () => {
      for (const chunk of chunks) outgoing.write(chunk);
      outgoing.end();
    });
  }
}

/** Passes bytes on, looking at them. */
abstract class ByteProxy extends PortProxy {
  protected readonly server: Server = createServer((client) => {
    this.count++;
    const upstream = connect(this.targetPort, '127.0.0.1');
    this.keep(upstream);
    client.once('data', (chunk: Buffer) => {
      if (/\r\nupgrade: websocket/i.test(chunk.toString('latin1'))) this.upgrades++;
    });
    client.pipe(upstream);
    upstream.pipe(client);
    client.once('close', () => upstream.destroy());
    upstream.once('close', () => client.destroy());
    this.watch(client, upstream);
  });

  protected abstract watch(client: Socket, upstream: Socket): void;
}

/** Lets the opening handshake through and kills the connection shortly after it, as some scanners of content do. */
export class KillingProxy extends ByteProxy {
  readonly #afterMs: number;

  constructor(targetPort: number, afterMs: number) {
    super(targetPort);
    this.#afterMs = afterMs;
  }

  protected watch(client: Socket, upstream: Socket): void {
    upstream.once('data', (chunk: Buffer) => {
      if (!chunk.toString('latin1').startsWith('HTTP/1.1 101')) return;
      const timer = setTimeout(() => {
        client.destroy();
        upstream.destroy();
      }, this.#afterMs);
      client.once('close', () => clearTimeout(timer));
    });
  }
}

/** Cuts connections on which nothing was said for a while, as firewalls and load balancers do. */
export class IdleCuttingProxy extends ByteProxy {
  /** How many it has cut. */
  cuts = 0;
  readonly #idleMs: number;

  constructor(targetPort: number, idleMs: number) {
    super(targetPort);
    this.#idleMs = idleMs;
  }

  protected watch(client: Socket, upstream: Socket): void {
    const cut = (): void => {
      this.cuts++;
      client.destroy();
      upstream.destroy();
    };
    let timer = setTimeout(cut, this.#idleMs);
    const said = (): void => {
      clearTimeout(timer);
      timer = setTimeout(cut, this.#idleMs);
    };
    client.on('data', said);
    upstream.on('data', said);
    client.once('close', () => clearTimeout(timer));
  }
}
