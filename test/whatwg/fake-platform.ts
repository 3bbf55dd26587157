// A platform for the WHATWG classes without sockets: a dialer whose answers the test gives, over connections in
// memory, and a scheduler whose tasks run when the test says so.

import type { Scheduler } from '../../src/base/scheduler.ts';
import type { Connection } from '../../src/connection/connection.ts';
import {
  type ConnectionPair,
  type ConnectionPairOptions,
  connectionPair,
  settle,
} from '../../src/testing.ts';
import type { Dialer, DialRequest } from '../../src/whatwg/dialer.ts';
import {
  createWebSocketClass,
  type WebSocket,
  type WebSocketClass,
  type WebSocketExtras,
} from '../../src/whatwg/web-socket.ts';
import {
  createWebSocketStreamClass,
  type WebSocketStreamClass,
  type WebSocketStreamOptions,
} from '../../src/whatwg/web-socket-stream.ts';

/** What the fake platform takes beyond the standard. */
export interface FakeOptions extends WebSocketExtras, WebSocketStreamOptions {
  readonly headers?: Readonly<Record<string, string>>;
}

/** Runs tasks one by one, when it is told to. */
export class ManualScheduler implements Scheduler {
  #tasks: (() => void)[] = [];

  get pending(): number {
    return this.#tasks.length;
  }

  queueTask(callback: () => void): void {
    this.#tasks.push(callback);
  }

  queueFlush(callback: () => void): void {
    // Behind all microtasks of the turn, as on Node.
    queueMicrotask(() => process.nextTick(callback));
  }

  /** Runs the next task and the microtasks behind it. */
  async runTask(): Promise<void> {
    this.#tasks.shift()?.();
    await microtasks();
  }

  /** Runs tasks until none is left, with all microtasks and everything in memory between them. */
  async runAll(): Promise<void> {
    await settle();
    while (this.#tasks.length > 0) {
      this.#tasks.shift()?.();
      await settle();
    }
  }
}

/** Lets microtasks run, and what they cause. */
export async function microtasks(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
}

export interface PendingDial extends DialRequest<FakeOptions> {
  accept(connection: Connection): void;
  refuse(error: Error): void;
}

export interface FakePlatform {
  readonly scheduler: ManualScheduler;
  readonly dials: PendingDial[];
  readonly WebSocket: WebSocketClass<FakeOptions>;
  readonly WebSocketStream: WebSocketStreamClass<FakeOptions>;
  /** The last dial. */
  lastDial(): PendingDial;
}

export function fakePlatform(baseUrl?: string): FakePlatform {
  const scheduler = new ManualScheduler();
  const dials: PendingDial[] = [];
  const dialer: Dialer<FakeOptions> = {
    dial: (request) =>
      new Promise((resolve, reject) => {
        dials.push({ ...request, accept: resolve, refuse: reject });
      }),
  };
  const platform = { dialer, scheduler, baseUrl: () => baseUrl };
  return {
    scheduler,
    dials,
    WebSocket: createWebSocketClass(platform),
    WebSocketStream: createWebSocketStreamClass(platform),
    lastDial: () => {
      const dial = dials.at(-1);
      if (dial === undefined) throw new Error('nothing was dialled');
      return dial;
    },
  };
}

export interface OpenSocket extends FakePlatform, ConnectionPair {
  readonly socket: WebSocket;
  /** What happened to the socket, in order. */
  readonly log: string[];
}

/** A WebSocket whose handshake has succeeded; its open event is still a task. */
export async function connectedSocket(
  options: ConnectionPairOptions & { readonly protocols?: string[] } = {},
): Promise<OpenSocket> {
  const platform = fakePlatform();
  const socket = new platform.WebSocket('ws://server.example/chat', options.protocols ?? []);
  const log = recordEvents(socket);
  const pair = connectionPair({ scheduler: platform.scheduler, ...options });
  platform.lastDial().accept(pair.client);
  await microtasks();
  return { ...platform, ...pair, socket, log };
}

/** A WebSocket that is open. */
export async function openSocket(
  options: ConnectionPairOptions & { readonly protocols?: string[] } = {},
): Promise<OpenSocket> {
  const open = await connectedSocket(options);
  await open.scheduler.runAll();
  open.log.length = 0;
  return open;
}

/** Records the events of a socket as sentences. */
export function recordEvents(socket: WebSocket): string[] {
  const log: string[] = [];
  socket.addEventListener('open', () => log.push(`open ${socket.readyState}`));
  socket.addEventListener('message', ({ data }) => {
    log.push(`message ${typeof data === 'string' ? data : Object.prototype.toString.call(data)}`);
  });
  socket.addEventListener('error', () => log.push(`error ${socket.readyState}`));
  socket.addEventListener('close', ({ code, reason, wasClean }) => {
    log.push(`close ${socket.readyState} ${code} "${reason}" ${wasClean ? 'clean' : 'unclean'}`);
  });
  return log;
}

/** Gives the name of the exception that the call throws, or what it gives. */
export function outcomeOf(action: () => unknown): unknown {
  try {
    return action();
  } catch (error) {
    return error instanceof Error || error instanceof DOMException ? error.name : error;
  }
}

/** Calls a method with arguments that its type does not allow. */
export function call(target: object, method: string, args: readonly unknown[], receiver = target): unknown {
  const found: unknown = Reflect.get(target, method);
  if (typeof found !== 'function') throw new Error(`${method} is no method`);
  return Reflect.apply(found, receiver, args);
}
