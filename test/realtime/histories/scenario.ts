// One life of a small world, by a seed: hubs on one engine, clients that publish, call, come and go, and a network and an engine that
// cannot be trusted. At the end everything becomes calm, and the checker says whether all promises were kept.

import { createHash } from 'node:crypto';
import { defineContract, typed } from '../../../src/contract.ts';
import { createClient } from '../../../src/client.browser.ts';
import type { Engine } from '../../../src/realtime/engine/engine.ts';
import { MemoryEngine } from '../../../src/realtime/engine/memory-engine.ts';
import type { LinkKind } from '../../../src/realtime/link/link.ts';
import { FallbackEndpoint } from '../../../src/realtime/server/fallback/fallback-endpoint.ts';
import { Hub } from '../../../src/realtime/server/hub.ts';
import { FakeClock, immediateScheduler } from '../../../src/testing/fake-clock.ts';
import { HistoryChecker } from '../../../src/testing/history-checker.ts';
import type { HistoryRates, Violation } from '../../../src/testing/history-checker/violation.ts';
import { HostileEngine } from '../../../src/testing/hostile-engine.ts';
import { HostileNetwork, type HostileRoad } from '../../../src/testing/hostile-network.ts';
import type { HostileServer } from '../../../src/testing/hostile-network/road.ts';
import { SeededRandom } from '../../../src/testing/seeded-random.ts';

const contract = defineContract({
  version: '1.0',
  channels: {
    'room:{name}': {
      events: { said: typed<{ readonly what: string }>() },
      presence: typed<{ readonly name: string }>(),
    },
  },
  calls: { add: { input: typed<{ readonly call: string }>(), output: typed<string>() } },
});

const channels = ['room:1', 'room:2'] as const;
type RoomName = (typeof channels)[number];
const retention = { maxEntries: 60, maxAgeMs: 40_000 };
const sessionTtlMs = 60_000;
// Longer than a silent death takes to be noticed, a backoff to end, a lease to run out and a grace to be over.
const calmMs = 150_000;

/** What is planted for the checker to find. */
export interface Planted {
  /** Changes the engine that all nodes share. */
  readonly engine?: (engine: Engine) => Engine;
  /** Changes what a subscriber is shown. */
  readonly shown?: (show: (what: string) => void, what: string) => void;
}

/** How a world is made. */
export interface ScenarioOptions {
  readonly seed: number;
  readonly transports?: readonly LinkKind[];
  readonly planted?: Planted;
  readonly onEvent?: (event: string) => void;
}

/** What became of it. */
export interface ScenarioResult {
  readonly violations: readonly Violation[];
  readonly rates: HistoryRates;
  /** What happened, as a short text: the same seed gives the same. */
  readonly trace: string;
}

interface Node extends HostileServer {
  readonly name: string;
  readonly hub: Hub<typeof contract>;
  readonly engine: HostileEngine;
  isAlive: boolean;
}

/** Lets everything run that waits for promises only. */
const turn = (): Promise<void> =>
  new Promise((resolve) => {
    setImmediate(resolve);
  });

/** The world. */
class Scenario {
  readonly #options: ScenarioOptions;
  readonly #clock = new FakeClock();
  readonly #random: SeededRandom;
  readonly #checker = new HistoryChecker(retention);
  readonly #store: MemoryEngine;
  readonly #network: HostileNetwork;
  readonly #people: Person[] = [];
  readonly #trace = createHash('sha256');
  #nodes: Node[] = [];
  readonly #dead: Node[] = [];
  #nodeCount = 0;
  #isCalm = false;

  constructor(options: ScenarioOptions) {
    this.#options = options;
    this.#random = new SeededRandom(options.seed);
    const clock = this.#clock;
    this.#store = new MemoryEngine({
      clock,
      random: this.#random.fork('store'),
      timeOfDay: () => clock.now(),
    });
    this.#network = new HostileNetwork({
      seed: options.seed,
      clock,
      servers: () => this.#nodes,
      onEvent: (atMs, road, what) => this.note(`${atMs.toFixed()} ${road}: ${what}`),
      capacityBytes: 2_048,
      highWaterMarkBytes: 2_048,
    });
  }

  note(event: string): void {
    this.#trace.update(`${event}\n`);
    this.#options.onEvent?.(event);
  }

  async run(): Promise<ScenarioResult> {
    for (const channel of channels) {
      await this.#store.subscribe(channel, {
        appended: (_channel, { offset, data, atMs }, epoch) =>
          this.#checker.logged(channel, { epoch, offset, what: whatOf(data), atMs }),
        heard: () => undefined,
        interrupted: () => undefined,
      });
      await this.#store.subscribe(`$presence:${channel}`, {
        appended: (_channel, { kind, offset, name }) =>
          this.note(`${this.#clock.now().toFixed()} presence of ${channel} ${offset}: ${kind} ${name}`),
        heard: () => undefined,
        interrupted: () => undefined,
      });
    }
    const random = this.#random;
    for (let count = 1 + random.below(3); count > 0; count--) this.#startNode();
    for (let count = 2 + random.below(4); count > 0; count--) this.#addPerson();
    const lifeMs = 20_000 + random.below(100_000);
    const endMs = this.#clock.now() + lifeMs;
    while (this.#clock.now() < endMs) {
      await this.#clock.advanceAsync(random.between([0, 1_000]), turn);
      this.#happen();
    }
    this.#calm();
    await this.#clock.advanceAsync(calmMs, turn);
    this.#judgePresence();
    for (const person of this.#people) person.leave();
    await this.#clock.advanceAsync(1_000, turn);
    for (const node of [...this.#nodes, ...this.#dead]) void node.hub.close();
    await this.#store.close();
    return {
      violations: this.#checker.violations(),
      rates: this.#checker.rates(),
      trace: this.#trace.digest('hex'),
    };
  }

  #happen(): void {
    const random = this.#random;
    for (const person of this.#people) person.act();
    if (random.chance(0.01)) this.#killNode();
    if (random.chance(0.03) && this.#nodes.length < 3) this.#startNode();
    if (random.chance(0.01) && this.#people.length < 8) this.#addPerson();
  }

  #startNode(): void {
    const random = this.#random.fork('node');
    const clock = this.#clock;
    const shared = this.#options.planted?.engine?.(this.#store) ?? this.#store;
    const engine = new HostileEngine(shared, {
      clock,
      random,
      onChange: (isAway) => {
        this.note(`${clock.now().toFixed()} the engine is ${isAway ? 'away' : 'back'}`);
        this.#checker.doubt(clock.now());
      },
      weather: this.#isCalm ? {} : { delayMs: [0, 20], awayEveryMs: 60_000, awayMs: [10, 8_000] },
    });
    const hub = new Hub(
      contract,
      {
        engine,
        clock,
        random,
        sessionTtlMs,
        timeOfDay: () => clock.now(),
        leaseMs: 15_000,
        onError: (error) => this.note(`error: ${String(error)}`),
        authenticate: ({ token }) => (token === undefined ? undefined : { user: token }),
      },
      { scheduler: immediateScheduler },
    );
    const name = `node ${++this.#nodeCount}`;
    const endpoint = new FallbackEndpoint(hub, {
      clock,
      onError: (error) => this.note(`error: ${String(error)}`),
    });
    const node: Node = {
      name,
      hub,
      engine,
      acceptor: hub,
      handle: (request) => endpoint.handle(request, { remoteAddress: '192.0.2.1', isOnLoopback: false }),
      isAlive: true,
    };
    hub.channel('room:{name}', { retention, publish: () => true, presenceGraceMs: 5_000 });
    hub.call('add', async ({ call }) => {
      const isEarly = random.chance(0.5);
      if (isEarly) this.#checker.applied(call);
      await new Promise<void>((resolve) => {
        clock.setTimer(resolve, random.between([0, 4_000]));
      });
      // What a dead process would have done it does not do.
      if (!isEarly && node.isAlive) this.#checker.applied(call);
      return call;
    });
    this.#nodes = [...this.#nodes, node];
    this.note(`${clock.now().toFixed()} ${name} is up`);
  }

  #killNode(): void {
    const node = this.#random.pick(this.#nodes);
    if (node === undefined) return;
    this.note(`${this.#clock.now().toFixed()} ${node.name} dies`);
    this.#nodes = this.#nodes.filter((other) => other !== node);
    this.#dead.push(node);
    node.isAlive = false;
    node.engine.kill();
    this.#network.crash(node);
    this.#checker.doubt(this.#clock.now());
  }

  #addPerson(): void {
    const name = `p${this.#people.length}`;
    this.#people.push(
      new Person({
        name,
        road: this.#network.road(name),
        clock: this.#clock,
        random: this.#random.fork(name),
        checker: this.#checker,
        transports: this.#options.transports ?? ['websocket'],
        shown: this.#options.planted?.shown,
        note: (event) => this.note(`${this.#clock.now().toFixed()} ${name}: ${event}`),
      }),
    );
  }

  #calm(): void {
    this.note(`${this.#clock.now().toFixed()} calm`);
    this.#isCalm = true;
    this.#network.calm();
    for (const { engine } of this.#nodes) engine.calm();
    if (this.#nodes.length === 0) this.#startNode();
    for (const person of this.#people) person.calm();
  }

  #judgePresence(): void {
    for (const channel of channels) {
      const expected = this.#people.filter((person) => person.follows(channel)).map(({ name }) => name);
      for (const person of this.#people) {
        if (person.follows(channel))
          this.#checker.presence(person.name, channel, expected, person.seesIn(channel));
      }
    }
  }
}

interface PersonOptions {
  readonly name: string;
  readonly road: HostileRoad;
  readonly clock: FakeClock;
  readonly random: SeededRandom;
  readonly checker: HistoryChecker;
  readonly transports: readonly LinkKind[];
  readonly shown: Planted['shown'];
  readonly note: (event: string) => void;
}

/** Somebody with a client. */
class Person {
  readonly name: string;
  readonly #options: PersonOptions;
  readonly #client;
  readonly #rooms;
  #session: string | undefined;
  #count = 0;
  #isOffline = false;

  constructor(options: PersonOptions) {
    const { name, road, clock, random, transports, note, checker } = options;
    this.name = name;
    this.#options = options;
    this.#client = createClient(contract, 'ws://hub.test/realtime', {
      token: name,
      WebSocket: road.WebSocket,
      fetch: road.fetch,
      clock,
      random: random.fork('client'),
      transports,
    });
    this.#client.on('error', (error) => note(`error: ${String(error)}`));
    this.#client.on('state', (state) => {
      note(state);
      const { sessionId } = this.#client;
      if (this.#session !== undefined && sessionId !== this.#session) checker.doubt(clock.now());
      this.#session = sessionId;
    });
    const wanted = channels.filter((_, index) => index === 0 || random.chance(0.5));
    this.#rooms = new Map(wanted.map((channel) => [channel, this.#follow(channel)]));
  }

  follows(channel: RoomName): boolean {
    return this.#rooms.has(channel);
  }

  /** The names of those who are there in the eyes of this client. */
  seesIn(channel: RoomName): readonly string[] {
    const members = this.#rooms.get(channel)?.presence.members.values() ?? [];
    return [...members].map(({ info }) => info?.name ?? '?');
  }

  act(): void {
    const { random, road } = this.#options;
    if (random.chance(0.4)) this.#publish();
    if (random.chance(0.25)) this.#call();
    if (random.chance(0.02)) road.cut();
    if (!this.#isOffline && random.chance(0.01)) this.#goOffline();
  }

  calm(): void {
    this.#isOffline = false;
    this.#options.road.online();
    for (const channel of this.#rooms.keys()) this.#publish(channel);
  }

  leave(): void {
    this.#client.close();
  }

  #goOffline(): void {
    const { random, road, clock, note } = this.#options;
    const durationMs = random.between([0, random.chance(0.3) ? 90_000 : 15_000]);
    note(`offline for ${durationMs.toFixed()} ms`);
    this.#isOffline = true;
    road.offline();
    clock.setTimer(() => {
      this.#isOffline = false;
      road.online();
    }, durationMs);
  }

  #follow(channel: RoomName) {
    const { name, checker, clock, shown, note } = this.#options;
    checker.asking(name, channel);
    const room = this.#client.channel(channel, { presence: { name } });
    room.presence.on('change', (key, member) => {
      const change = key === undefined ? 'anew' : `${member === undefined ? 'without' : 'with'} ${key}`;
      note(`presence of ${channel} ${change}: ${room.presence.count}`);
    });
    let hasGap = false;
    let isFollowed = false;
    room.on('said', ({ what }, { offset }) => {
      note(`sees ${what}`);
      const show = (seen: string): void => {
        checker.delivered(name, channel, seen, seen === what ? offset : undefined);
      };
      if (shown === undefined) show(what);
      else shown(show, what);
    });
    room.on('gap', ({ reason }) => {
      hasGap = true;
      note(`gap in ${channel}: ${reason}`);
      checker.gap(name, channel, reason, clock.now());
    });
    room.on('status', (status, error) => {
      note(`${channel} ${status}${error === undefined ? '' : ` (${error.code})`}`);
      if (status === 'subscribing') hasGap = false;
      if (status !== 'subscribed') return;
      if (!isFollowed) checker.following(name, channel);
      else if (!hasGap) checker.reconnected(name, channel);
      isFollowed = true;
    });
    return room;
  }

  #publish(channel = this.#options.random.pick([...this.#rooms.keys()])): void {
    const { checker } = this.#options;
    if (channel === undefined) return;
    const what = `${this.name}#${++this.#count}`;
    this.#rooms
      .get(channel)
      ?.publish('said', { what })
      .then(
        ({ offset }) => checker.acknowledged(channel, what, offset),
        () => undefined,
      );
  }

  #call(): void {
    const { checker, clock } = this.#options;
    const call = `${this.name}!${++this.#count}`;
    checker.called(call, clock.now());
    this.#client.call('add', { call }).then(
      () => checker.answered(call, 'ok', clock.now()),
      (error: unknown) => {
        const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
        checker.answered(call, code, clock.now());
      },
    );
  }
}

function whatOf(data: string): string {
  const value: unknown = JSON.parse(data);
  return typeof value === 'object' && value !== null && 'what' in value ? String(value.what) : data;
}

/** Lives one life. */
export function runScenario(options: ScenarioOptions): Promise<ScenarioResult> {
  return new Scenario(options).run();
}
