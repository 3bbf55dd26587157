// What tests of the suite stand on: servers that are closed behind each test, connected pairs, raw clients, and records of events.

import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect, createServer as createTcpServer, type Socket } from 'node:net';
import type { ClientOptions, ServerOptions, WebSocket, WebSocketServer } from 'ws';
import { afterEach } from 'vitest';
import type { Implementation } from './implementations.ts';

const cleanups: (() => void)[] = [];

afterEach(() => {
  for (const cleanup of cleanups.splice(0).toReversed()) cleanup();
});

/** Does something behind the test. */
export function afterwards(cleanup: () => void): void {
  cleanups.push(cleanup);
}

/** Starts a server on a port of its own. */
export async function startServer(
  { WebSocketServer: Server }: Implementation,
  options: ServerOptions = {},
): Promise<WebSocketServer> {
  const server = new Server({ port: 0, host: '127.0.0.1', ...options });
  afterwards(() => {
    server.close();
    for (const client of server.clients ?? []) client.terminate();
  });
  await once(server, 'listening');
  return server;
}

/** The URL of a server. */
export function urlOf(server: { address(): unknown }, path = ''): string {
  return `ws://127.0.0.1:${portOf(server)}${path}`;
}

export function portOf(server: { address(): unknown }): number {
  return (server.address() as AddressInfo).port;
}

/** Starts an HTTP server. */
export async function startHttp(handler?: Parameters<typeof createServer>[1]): Promise<Server> {
  const server = createServer(handler ?? (() => undefined));
  afterwards(() => {
    server.close();
    server.closeAllConnections();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

/** Starts a TCP server that answers as a test wants. */
export async function startTcp(
  answer: (socket: Socket, request: string) => void,
): Promise<{ address(): unknown }> {
  const server = createTcpServer((socket) => {
    afterwards(() => socket.destroy());
    socket.on('error', () => undefined);
    socket.once('data', (data) => answer(socket, data.toString('latin1')));
  });
  afterwards(() => void server.close());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

/** Makes a client; errors that nobody expects do not end the process. */
export function makeClient(
  { WebSocket: Client }: Implementation,
  url: string,
  options: ClientOptions = {},
  protocols: string | string[] = [],
): WebSocket {
  const client = new Client(url, protocols, options);
  afterwards(() => {
    client.on('error', () => undefined);
    client.terminate();
  });
  return client;
}

/** Both ends of an open connection. */
export interface Pair {
  readonly server: WebSocketServer;
  readonly client: WebSocket;
  readonly peer: WebSocket;
}

/** Connects a client to a server. */
export async function connectPair(
  implementation: Implementation,
  serverOptions: ServerOptions = {},
  clientOptions: ClientOptions = {},
): Promise<Pair> {
  const server = await startServer(implementation, serverOptions);
  const client = makeClient(implementation, urlOf(server), clientOptions);
  const [[peer]] = await Promise.all([once(server, 'connection'), once(client, 'open')]);
  return { server, client, peer: peer as WebSocket };
}

/** A client that speaks bytes. */
export interface RawClient {
  readonly socket: Socket;
  readonly peer: WebSocket;
  /** What the server has sent behind its 101, once the connection has ended. */
  readonly received: Promise<Buffer>;
}

export const handshake = [
  'GET / HTTP/1.1',
  'Host: 127.0.0.1',
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  'Sec-WebSocket-Version: 13',
];

/** Opens a connection whose frames the test writes by itself. */
export async function connectRaw(
  implementation: Implementation,
  options: ServerOptions = {},
): Promise<RawClient> {
  const server = await startServer(implementation, options);
  const socket = connect(portOf(server), '127.0.0.1');
  afterwards(() => socket.destroy());
  socket.on('error', () => undefined);
  socket.write(`${handshake.join('\r\n')}\r\n\r\n`);
  const [[peer], [head]] = await Promise.all([once(server, 'connection'), once(socket, 'data')]);
  const chunks = [(head as Buffer).subarray((head as Buffer).indexOf('\r\n\r\n') + 4)];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  const received = once(socket, 'close').then(() => Buffer.concat(chunks));
  return { socket, peer: peer as WebSocket, received };
}

/** A frame as clients send it, masked with zeros. */
export function maskedFrame(firstByte: number, payload: string | Uint8Array = ''): Buffer {
  const bytes = Buffer.from(payload as string);
  const length = bytes.length < 126 ? [0x80 | bytes.length] : [0xfe, bytes.length >>> 8, bytes.length & 0xff];
  return Buffer.concat([Buffer.from([firstByte, ...length, 0, 0, 0, 0]), bytes]);
}

/** Sends a request by hand and gives the status, the headers and the body of the answer. */
export async function askRaw(
  port: number,
  lines: readonly string[],
): Promise<{ status: number; headers: Record<string, string>; body: string }> {
  const socket = connect(port, '127.0.0.1');
  afterwards(() => socket.destroy());
  socket.on('error', () => undefined);
  socket.write(`${lines.join('\r\n')}\r\n\r\n`);
  let text = '';
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1');
    if (text.startsWith('HTTP/1.1 101')) socket.end();
  });
  await once(socket, 'close');
  const [head = '', body = ''] = text.split('\r\n\r\n', 2);
  const [statusLine = '', ...fields] = head.split('\r\n');
  const headers = Object.fromEntries(
    fields.map((field) => {
      const colon = field.indexOf(':');
      return [field.slice(0, colon).toLowerCase(), field.slice(colon + 1).trim()];
    }),
  );
  return { status: Number(statusLine.split(' ')[1]), headers, body };
}

/** Writes down the events of an emitter in their order, with what listeners got, in plain values. */
export function record(emitter: NodeJS.EventEmitter, names: readonly string[]): unknown[][] {
  const events: unknown[][] = [];
  for (const name of names) {
    emitter.on(name, (...values: unknown[]) => void events.push([name, ...values.map(plain)]));
  }
  return events;
}

/** Waits for an event, also when an error comes before it. */
export function until(emitter: NodeJS.EventEmitter, name: string): Promise<unknown[]> {
  return new Promise((resolve) => {
    emitter.once(name, (...values: unknown[]) => resolve(values));
  });
}

/** A value that compares by its content. */
export function plain(value: unknown): unknown {
  if (Buffer.isBuffer(value)) return `Buffer ${value.toString('latin1')}`;
  if (value instanceof ArrayBuffer) return `ArrayBuffer ${Buffer.from(value).toString('latin1')}`;
  if (Array.isArray(value)) return value.map(plain);
  if (value instanceof Error) return describeError(value);
  return value;
}

/** What of an error programs look at. */
export function describeError(error: unknown): { name: string; code: unknown; message: string } {
  if (!(error instanceof Error)) throw new TypeError('expected an error');
  return { name: error.name, code: 'code' in error ? error.code : undefined, message: error.message };
}

/** What a function throws. */
export function thrownBy(act: () => unknown): unknown {
  try {
    act();
  } catch (error) {
    return error;
  }
  return undefined;
}

/** What ends the process, if nobody listened. */
export async function uncaughtBy(act: () => unknown): Promise<unknown> {
  const previous = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException');
  afterwards(() => {
    process.removeAllListeners('uncaughtException');
    for (const listener of previous) process.on('uncaughtException', listener);
  });
  const uncaught = once(process, 'uncaughtException');
  act();
  const [error] = await uncaught;
  return error;
}
