// A client and a server Connection joined in memory: for tests of code that uses connections, without sockets and on
// virtual time if wanted. Everything but the opening handshake is the real thing.

import type { Clock } from '../base/clock.ts';
import type { Scheduler } from '../base/scheduler.ts';
import { Connection } from '../connection/connection.ts';
import { type ConnectionOptions, resolveConnectionOptions } from '../connection/connection-options.ts';
import { FramedTransport } from '../connection/framed-transport.ts';
import { protocolOptionsOf } from '../connection/protocol-options.ts';
import type { NegotiatedExtension } from '../protocol/extensions/extension.ts';
import { immediateScheduler } from './fake-clock.ts';
import {
  type MemoryTransport,
  type MemoryTransportOptions,
  memoryTransportPair,
} from './memory-transport.ts';

/** How the two connections behave. */
export interface ConnectionPairOptions extends MemoryTransportOptions {
  /** Options of the client's connection. */
  readonly client?: Partial<ConnectionOptions>;
  /** Options of the server's connection. */
  readonly server?: Partial<ConnectionOptions>;
  /** The subprotocol that both have agreed on. @defaultValue none */
  readonly protocol?: string;
  /** An extension that both have agreed on: one instance for each side. @defaultValue none */
  readonly extensions?: { readonly client: NegotiatedExtension; readonly server: NegotiatedExtension };
  /** The clock of both. @defaultValue the platform's */
  readonly clock?: Clock;
  /** The scheduler of both. @defaultValue microtasks */
  readonly scheduler?: Scheduler;
  /** Hears what handlers threw. @defaultValue console.error */
  readonly onError?: (error: unknown) => void;
}

/** Two joined connections and the transports under them. */
export interface ConnectionPair {
  readonly client: Connection;
  readonly server: Connection;
  readonly clientTransport: MemoryTransport;
  readonly serverTransport: MemoryTransport;
}

/** Makes a client and a server connection that are joined in memory and already open. */
export function connectionPair(options: ConnectionPairOptions = {}): ConnectionPair {
  const [clientTransport, serverTransport] = memoryTransportPair(options);
  const connect = (role: 'client' | 'server', transport: MemoryTransport): Connection => {
    const resolved = resolveConnectionOptions(options[role]);
    const extension = options.extensions?.[role];
    const scheduler = options.scheduler ?? immediateScheduler;
    const framed = new FramedTransport({
      transport,
      protocol: { ...protocolOptionsOf(resolved, role), ...(extension === undefined ? {} : { extension }) },
      scheduler,
      subprotocol: options.protocol ?? '',
      extensions: extension?.name ?? '',
    });
    return new Connection(framed, undefined, options[role], {
      scheduler,
      ...(options.clock === undefined ? {} : { clock: options.clock }),
      ...(options.onError === undefined ? {} : { onError: options.onError }),
    });
  };
  return {
    client: connect('client', clientTransport),
    server: connect('server', serverTransport),
    clientTransport,
    serverTransport,
  };
}
