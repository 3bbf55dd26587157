// Connections of a server joined in memory with clients, sharing topics; and requests that never saw a socket.

import { type Clock, systemClock } from '../../src/base/clock.ts';
import { portableTextCodec } from '../../src/base/text-codec.ts';
import { Connection } from '../../src/connection/connection.ts';
import { type ConnectionOptions, resolveConnectionOptions } from '../../src/connection/connection-options.ts';
import { FramedTransport } from '../../src/connection/framed-transport.ts';
import { protocolOptionsOf } from '../../src/connection/protocol-options.ts';
import { HeaderList } from '../../src/protocol/handshake/header-list.ts';
import type { RequestHead } from '../../src/protocol/handshake/http-head.ts';
import { AbortSource } from '../../src/server/abort-source.ts';
import { ServerConnection } from '../../src/server/server-connection.ts';
import { Topics } from '../../src/server/topics.ts';
import type { IncomingUpgrade } from '../../src/server/upgrade-request.ts';
import { immediateScheduler, type MemoryTransport, memoryTransportPair } from '../../src/testing.ts';

export interface ServerPair {
  readonly server: ServerConnection<unknown>;
  readonly client: Connection;
  /** Stalled, the client reads nothing and the server's queue grows. */
  readonly clientTransport: MemoryTransport;
  /** What the client has received, in order. */
  readonly received: unknown[];
}

/** Gives the transport of one side. */
export function framed(
  transport: MemoryTransport,
  role: 'client' | 'server',
  options: ConnectionOptions,
): FramedTransport {
  return new FramedTransport({
    transport,
    protocol: protocolOptionsOf(options, role),
    scheduler: immediateScheduler,
    subprotocol: '',
    extensions: '',
  });
}

/** Joins a server's connection with a client that collects what it receives. */
export function serverPair(
  topics: Topics,
  options: Partial<ConnectionOptions> = {},
  clock: Clock = systemClock,
): ServerPair {
  const [clientTransport, serverTransport] = memoryTransportPair({ capacityBytes: 1024 });
  const resolved = resolveConnectionOptions({ highWaterMarkBytes: 2048, pingIntervalMs: 0, ...options });
  const environment = { scheduler: immediateScheduler, clock };
  const server = new ServerConnection<unknown>(
    framed(serverTransport, 'server', resolved),
    undefined,
    resolved,
    environment,
    {
      remoteAddress: '192.0.2.1',
      peerAddress: '192.0.2.1',
      url: { isSecure: false, authority: 'example.com', target: '/chat?a=b' },
      httpVersion: '1.1',
      handshake: undefined,
    },
    { topics, closed: () => undefined, onError: console.error },
  );
  server.attach({});
  const client = new Connection(
    framed(clientTransport, 'client', resolved),
    undefined,
    resolved,
    environment,
  );
  const received: unknown[] = [];
  client.attach({ message: (_connection, message) => received.push(message) });
  return { server, client, clientTransport, received };
}

export function newTopics(): Topics {
  return new Topics(portableTextCodec);
}

/** A handshake that keeps all rules, with other or further headers; undefined leaves one out. */
export function incomingUpgrade(
  headers: Readonly<Record<string, string | undefined>> = {},
  more: Partial<Omit<IncomingUpgrade, 'head'>> & Partial<Pick<RequestHead, 'target' | 'method'>> = {},
): IncomingUpgrade {
  const all: Record<string, string | undefined> = {
    Host: 'example.com',
    Upgrade: 'websocket',
    Connection: 'Upgrade',
    'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
    'Sec-WebSocket-Version': '13',
    ...headers,
  };
  const raw = Object.entries(all).flatMap(([name, value]) => (value === undefined ? [] : [name, value]));
  const { target = '/', method = 'GET', ...rest } = more;
  return {
    head: { method, target, httpVersion: '1.1', headers: HeaderList.fromRaw(raw) },
    remoteAddress: '192.0.2.1',
    isSecure: false,
    isOnLoopback: false,
    signal: new AbortSource().signal,
    ...rest,
  };
}
