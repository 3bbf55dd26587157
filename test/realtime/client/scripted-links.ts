// Links whose other end is the test: it sees what the client says, and says what a server would.

import type { ContractDefinition } from '../../../src/realtime/contract/contract.ts';
import { RealtimeClient } from '../../../src/realtime/client/client.ts';
import { type ClientOptions, resolveClientOptions } from '../../../src/realtime/client/client-options.ts';
import type {
  ClientLink,
  ClientLinkEvents,
  LinkKind,
  OpenClientLink,
} from '../../../src/realtime/link/link.ts';
import type { Hello, ServerFrame, Subscribed, Welcome } from '../../../src/realtime/wire/frames.ts';
import { FakeClock } from '../../../src/testing.ts';

/** The server's end of one link. */
export class ScriptedLink implements ClientLink {
  readonly kind: LinkKind;
  readonly isTwoWay: boolean;
  readonly hello: () => Hello;
  readonly session: () => Hello['session'];
  /** What the client has sent beside hellos, parsed. */
  readonly sent: unknown[] = [];
  isClosed = false;
  readonly #events: ClientLinkEvents;

  constructor(kind: LinkKind, hello: () => Hello, events: ClientLinkEvents, session: () => Hello['session']) {
    this.kind = kind;
    this.isTwoWay = kind === 'websocket';
    this.hello = hello;
    this.session = session;
    this.#events = events;
  }

  send(text: string): void {
    this.sent.push(JSON.parse(text));
  }

  close(): void {
    this.isClosed = true;
  }

  /** The last frame that the client has sent. */
  get last(): unknown {
    return this.sent.at(-1);
  }

  /** Takes away what was sent until now. */
  taken(): unknown[] {
    return this.sent.splice(0);
  }

  says(...frames: readonly ServerFrame[]): void {
    this.#events.received(JSON.stringify(frames.length === 1 ? frames[0] : frames));
  }

  saysText(text: string): void {
    this.#events.received(text);
  }

  /** Answers the hello: all subscriptions as `answer` says. */
  welcomes(
    answer: (channel: string, ref: number, hello: Hello) => Welcome['subs'][number][1] = subscribedTo,
    extra: Partial<Welcome> = {},
  ): Hello {
    return this.answers(this.hello(), answer, extra);
  }

  /** Answers a hello that was written before. */
  answers(
    hello: Hello,
    answer: (channel: string, ref: number, hello: Hello) => Welcome['subs'][number][1] = subscribedTo,
    extra: Partial<Welcome> = {},
  ): Hello {
    this.says([
      1,
      {
        v: 1,
        session: hello.session ?? ['s1', 'secret1'],
        resumed: hello.session !== undefined,
        pingMs: 25_000,
        maxBytes: 65_536,
        againMs: 135_000,
        subs: (hello.subs ?? []).map(([ref, channel]) => {
          const subscribed = answer(channel, ref, hello);
          if (subscribed === null) throw new Error('refuse by hand');
          return [ref, subscribed];
        }),
        ...extra,
      },
    ]);
    return hello;
  }

  /** Welcome, and a heartbeat behind it. */
  opens(...args: Parameters<ScriptedLink['welcomes']>): Hello {
    const hello = this.welcomes(...args);
    this.says([]);
    return hello;
  }

  dies(cause: unknown = new Error('cut')): void {
    this.#events.ended(cause);
  }

  /** Ends in order. */
  ends(): void {
    this.#events.ended();
  }
}

const aliases = new Map<string, number>();

/** A subscription as a server with an empty log answers it; `chat:42` has the alias 42. */
export function subscribedTo(channel: string): Subscribed {
  const number = Number(channel.split(':')[1]);
  const alias = Number.isInteger(number) ? number : (aliases.get(channel) ?? 1_000 + aliases.size);
  aliases.set(channel, alias);
  return { alias, position: ['e1', 0, ''], delivery: 'log', events: ['message', 'typing'] };
}

/** A client whose links are scripted. */
export interface Scripted {
  readonly client: RealtimeClient;
  readonly clock: FakeClock;
  readonly links: ScriptedLink[];
  /** The link that was opened last. */
  readonly link: ScriptedLink;
  readonly states: string[];
}

/** Chance that always gives one half. */
export const halfRandom = {
  fill: (target: Uint8Array): void => {
    new Uint32Array(target.buffer).fill(2 ** 31);
  },
};

export function scripted(options: ClientOptions = {}, contract?: ContractDefinition): Scripted {
  const clock = new FakeClock();
  const links: ScriptedLink[] = [];
  const opener =
    (kind: LinkKind): OpenClientLink =>
    (hello, events, session) => {
      const link = new ScriptedLink(kind, hello, events, session);
      links.push(link);
      return link;
    };
  const client = new RealtimeClient(
    contract,
    resolveClientOptions({ clock, random: halfRandom, ...options }),
    { websocket: opener('websocket'), stream: opener('stream'), poll: opener('poll') },
  );
  const states: string[] = [client.state];
  client.on('state', (state) => states.push(String(state)));
  return {
    client,
    clock,
    links,
    states,
    get link() {
      const link = links.at(-1);
      if (link === undefined) throw new Error('no link was opened');
      return link;
    },
  };
}
