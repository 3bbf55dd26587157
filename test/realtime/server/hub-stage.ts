// A hub on virtual time with links in memory: each link records what the hub has sent, and a test plays the client.

import { MemoryEngine } from '../../../src/realtime/engine/memory-engine.ts';
import { defineContract } from '../../../src/realtime/contract/contract.ts';
import { typed } from '../../../src/realtime/contract/standard-schema.ts';
import type { Engine } from '../../../src/realtime/engine/engine.ts';
import type { LinkKind, ServerLink, ServerLinkEvents, SharedText } from '../../../src/realtime/link/link.ts';
import { Hub } from '../../../src/realtime/server/hub.ts';
import type { HubOptions } from '../../../src/realtime/server/hub-options.ts';
import type { LinkAcceptor, LinkPeer } from '../../../src/realtime/server/link-acceptor.ts';
import { FakeClock, immediateScheduler, settle } from '../../../src/testing.ts';

export const chat = defineContract({
  version: '1.2',
  channels: {
    'chat:{room}': {
      events: { message: typed<{ text: string }>(), typing: typed<{ on: boolean }>() },
      state: typed<number>(),
      presence: typed<{ name: string } | undefined>(),
    },
    'tick:{symbol}': { delivery: 'latest', events: { price: typed<{ key: string; value: number }>() } },
    'cursor:{doc}': { delivery: 'volatile', events: { moved: typed<{ x: number }>() } },
    'crowd:{room}': { events: { message: typed<string>() }, presence: typed<undefined>() },
  },
  calls: {
    add: { input: typed<{ a: number; b: number }>(), output: typed<number>() },
    read: { input: typed<string>(), output: typed<string>(), idempotent: true },
    nothing: {},
  },
  clientCalls: { confirm: { input: typed<string>(), output: typed<boolean>() } },
  direct: { notice: typed<string>() },
});

export type Chat = typeof chat;

/** What the hub has sent on a link, and what the client says. */
export class TestLink implements ServerLink {
  readonly kind: LinkKind;
  readonly isTwoWay: boolean;
  /** All frames, taken out of their batches. */
  readonly frames: unknown[][] = [];
  /** The messages as they were sent. */
  readonly messages: string[] = [];
  /** How the hub has closed it. */
  closed: { readonly code: number; readonly reason: string } | undefined;
  bufferedBytes = 0;
  isFull = false;
  /** Whether each message stays in the buffer, until `drain`. */
  isStalled = false;
  /** From how many bytes on it is full. */
  highWaterMarkBytes = 65_536;
  /** Whether the client answers heartbeats. */
  isAlive = true;
  readonly events: ServerLinkEvents;

  constructor(
    acceptor: LinkAcceptor,
    kind: LinkKind = 'websocket',
    headers: Readonly<Record<string, string>> = {},
  ) {
    this.kind = kind;
    this.isTwoWay = kind === 'websocket';
    const peer: LinkPeer = {
      kind,
      remoteAddress: '192.0.2.1',
      url: 'wss://example.com/realtime',
      header: (name) => headers[name],
    };
    this.events = acceptor.accept(this, peer);
  }

  send(text: string): void {
    if (this.closed !== undefined) return;
    this.messages.push(text);
    if (text === '[]') {
      if (this.isAlive) queueMicrotask(() => this.events.received('[]'));
      return;
    }
    if (this.isStalled) {
      this.bufferedBytes += text.length;
      this.isFull = this.bufferedBytes > this.highWaterMarkBytes;
    }
    const message: unknown = JSON.parse(text);
    if (!Array.isArray(message)) throw new Error(`not a frame: ${text}`);
    const items: unknown[] = message;
    if (items.length === 0 || !Array.isArray(items[0])) this.frames.push(items);
    else for (const item of items) if (Array.isArray(item)) this.frames.push(item);
  }

  sendShared({ text }: SharedText): void {
    this.send(text);
  }

  close(code: number, reason: string): void {
    this.closed ??= { code, reason };
    queueMicrotask(() => this.events.ended());
  }

  /** The client says something. */
  say(frame: unknown): void {
    this.events.received(JSON.stringify(frame));
  }

  /** The network is gone. */
  cut(): void {
    this.events.ended();
  }

  /** Everything that waited is sent. */
  drain(): void {
    this.isStalled = false;
    this.bufferedBytes = 0;
    this.isFull = false;
    this.events.drained();
  }

  /** The frames of a type, and forgets them. */
  take(type: number): unknown[][] {
    const taken = this.frames.filter((frame) => frame[0] === type);
    const rest = this.frames.filter((frame) => frame[0] !== type);
    this.frames.splice(0, this.frames.length, ...rest);
    return taken;
  }

  /** All frames, and forgets them. */
  takeAll(): unknown[][] {
    return this.frames.splice(0, this.frames.length);
  }
}

type Fields = Readonly<Record<string, unknown>>;

export function fields(value: unknown): Fields {
  if (typeof value !== 'object' || value === null) throw new Error(`no object: ${String(value)}`);
  return { ...value };
}

export function list(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw new Error(`no array: ${String(value)}`);
  return value;
}

/** What a stage is made of. */
export interface Stage {
  readonly clock: FakeClock;
  readonly engine: Engine;
  readonly hub: Hub<Chat, unknown>;
  readonly errors: unknown[];
}

/** The token is the name of the user; `!name` expires in a minute, `?` is refused, nothing is nobody. */
export function authenticateByName(clock: FakeClock): NonNullable<HubOptions<unknown>['authenticate']> {
  return ({ token }) => {
    if (token === '?') return undefined;
    if (token === undefined) return {};
    if (token.startsWith('!')) return { user: token.slice(1), expiresAt: clock.now() + 60_000 };
    return { user: token, data: { level: token.length } };
  };
}

/** Makes a hub on virtual time. */
export function stage(
  options: HubOptions<unknown> = {},
  {
    clock = new FakeClock(),
    engine = new MemoryEngine({ clock, timeOfDay: () => clock.now() }),
  }: Partial<Pick<Stage, 'clock' | 'engine'>> = {},
): Stage {
  const errors: unknown[] = [];
  const hub = new Hub<Chat, unknown>(
    chat,
    {
      engine,
      clock,
      timeOfDay: () => clock.now(),
      authenticate: authenticateByName(clock),
      onError: (error) => errors.push(error),
      ...options,
    },
    { scheduler: immediateScheduler },
  );
  hub.channel('chat:{room}', {
    subscribe: ({ user, params }) => params.room !== 'closed' || user === 'admin',
    publish: ({ user }) => user !== undefined,
    meta: { user: true },
    retention: { maxEntries: 1_000 },
  });
  hub.channel('tick:{symbol}', { key: (_event, data) => String(fields(data).key) });
  hub.channel('cursor:{doc}', { publish: () => true });
  hub.channel('crowd:{room}', { presenceMode: 'counts' });
  return { clock, engine, hub, errors };
}

/** A welcome as tests look at it. */
export interface Greeted {
  readonly link: TestLink;
  readonly welcome: Fields;
  readonly session: readonly [id: string, secret: string];
}

/** Opens a link and says hello. */
export async function connect(
  { hub }: { readonly hub: LinkAcceptor },
  hello: Fields = {},
  kind: LinkKind = 'websocket',
): Promise<Greeted> {
  const link = new TestLink(hub, kind);
  link.say([1, { v: 1, ...hello }]);
  // Digests take real time.
  for (let turn = 0; turn < 2_000 && link.frames.length === 0; turn++) await settle();
  const [welcomeFrame] = link.take(1);
  if (welcomeFrame === undefined) throw new Error(`no welcome: ${JSON.stringify(link.frames)}`);
  const welcome = fields(welcomeFrame[1]);
  const [id, secret] = list(welcome.session);
  return { link, welcome, session: [String(id), String(secret)] };
}

/** The answer to the subscription of a channel in a welcome. */
export function subscribed(welcome: Fields, index = 0): Fields {
  return fields(list(list(welcome.subs)[index])[1]);
}
