import { describe, expect, it } from 'vitest';
import type { ServerLink, ServerLinkEvents } from '../../src/realtime/link/link.ts';
import type { LinkAcceptor } from '../../src/realtime/server/link-acceptor.ts';
import type { HostileSocket } from '../../src/testing/hostile-network/hostile-socket.ts';
import { FakeClock } from '../../src/testing/fake-clock.ts';
import {
  HostileNetwork,
  type HostileNetworkOptions,
  type HostileRoad,
} from '../../src/testing/hostile-network.ts';
import {
  calmWeather,
  type NetworkWeather,
  stormyWeather,
} from '../../src/testing/hostile-network/weather.ts';

/** A server that notes what it hears, with the time, and whose links a test can use. */
class Noted implements LinkAcceptor {
  readonly heard: string[] = [];
  readonly links: ServerLink[] = [];
  readonly #clock: FakeClock;
  drained = 0;

  constructor(clock: FakeClock) {
    this.#clock = clock;
  }

  accept(link: ServerLink): ServerLinkEvents {
    this.links.push(link);
    return {
      received: (text) => this.heard.push(text),
      drained: () => {
        this.drained++;
      },
      ended: () => this.heard.push(`ended at ${Math.round(this.#clock.now())}`),
    };
  }

  async upstream(): Promise<[]> {
    return [];
  }
}

interface Scene {
  readonly clock: FakeClock;
  readonly server: Noted;
  readonly network: HostileNetwork;
  readonly events: string[];
}

function scene(
  weather: Partial<NetworkWeather> = {},
  more: Partial<HostileNetworkOptions> = {},
  clock = new FakeClock(),
): Scene {
  const server = new Noted(clock);
  const events: string[] = [];
  const network = new HostileNetwork({
    seed: 1,
    clock,
    servers: () => [{ acceptor: server }],
    weather: { ...calmWeather, ...weather },
    onEvent: (atMs, road, what) => events.push(`${Math.round(atMs)} ${road} ${what}`),
    ...more,
  });
  return { clock, server, network, events };
}

interface Opened {
  readonly road: HostileRoad;
  readonly told: string[];
  readonly send: (text: string) => void;
  readonly close: () => void;
}

/** A socket that notes what it is told. */
function open({ network }: Scene): Opened {
  const road = network.road('ann');
  const socket = new road.WebSocket('ws://hub.test/');
  const told: string[] = [];
  socket.onopen = () => told.push('open');
  socket.onmessage = ({ data }) => told.push(data);
  socket.onclose = ({ code }) => told.push(`closed ${code}`);
  return { road, told, send: (text) => socket.send(text), close: () => socket.close() };
}

describe('a WebSocket of the hostile network', () => {
  it('brings everything in order, both ways, however long each message takes', () => {
    const all = scene({ delayMs: [0, 100] });
    const { clock, server } = all;
    const { told, send } = open(all);
    clock.advance(300);
    const numbers = Array.from({ length: 30 }, (_, index) => `${index}`);
    for (const number of numbers) {
      send(number);
      server.links[0].send(number);
      clock.advance(5);
    }
    clock.advance(200);
    expect(told).toEqual(['open', ...numbers]);
    expect(server.heard).toEqual(numbers);
  });

  it('closes from either side behind what was sent', () => {
    const byClient = scene();
    const one = open(byClient);
    byClient.clock.advance(50);
    one.send('last');
    one.close();
    byClient.clock.advance(50);
    expect(byClient.server.heard).toEqual(['last', expect.stringMatching(/^ended/)]);
    expect(one.told).toEqual(['open', 'closed 1000']);

    const byServer = scene();
    const other = open(byServer);
    byServer.clock.advance(50);
    byServer.server.links[0].send('last');
    byServer.server.links[0].close(1012, 'drain');
    byServer.server.links[0].send('too late');
    byServer.clock.advance(50);
    expect(other.told).toEqual(['open', 'last', 'closed 1012']);
    expect(byServer.server.heard).toEqual([expect.stringMatching(/^ended/)]);
  });

  it('lives on as a ghost, which still brings what was on its way', () => {
    const all = scene({ ghost: 1, ghostMs: [5_000, 5_000], delayMs: [10, 10] });
    const { clock, server } = all;
    const { road, told, send } = open(all);
    clock.advance(50);
    send('on its way');
    road.cut();
    send('too late');
    clock.advance(100);
    server.links[0].send('to nobody');
    expect(told).toEqual(['open', 'closed 1006']);
    expect(server.heard).toEqual(['on its way']);
    expect(road.openCount).toBe(1);
    clock.advance(6_000);
    expect(server.heard).toEqual(['on its way', 'ended at 5060']);
    expect(told).toEqual(['open', 'closed 1006']);
    expect(road.openCount).toBe(0);
  });

  it('dies without a word where only silence tells', () => {
    const all = scene({ silentDeath: 1 });
    const { road, told, send } = open(all);
    all.clock.advance(50);
    road.cut();
    send('to nobody');
    all.clock.advance(60_000);
    expect(told).toEqual(['open']);
    expect(all.server.heard).toEqual([expect.stringMatching(/^ended/)]);
  });

  it('is refused, killed early, and cut after a while, as the weather is', () => {
    const refused = scene({ refused: 1 });
    const never = open(refused);
    refused.clock.advance(100);
    expect(never.told).toEqual(['closed 1006']);
    expect(refused.server.links).toHaveLength(0);

    const early = scene({ earlyDeath: 1 });
    const short = open(early);
    early.clock.advance(1_200);
    expect(short.told).toEqual(['open', 'closed 1006']);

    const mortal = scene({ lifeMs: 10_000 });
    const first = open(mortal);
    mortal.clock.advance(200_000);
    expect(first.told).toEqual(['open', 'closed 1006']);
    expect(mortal.server.heard).toEqual([expect.stringMatching(/^ended/)]);
  });

  it('stands still for a while, and what waits fills the link of the server until it flows again', () => {
    const all = scene(
      { stallEveryMs: 1_000, stallMs: [5_000, 5_000] },
      { capacityBytes: 10, highWaterMarkBytes: 10 },
    );
    const { clock, server, events } = all;
    const { told } = open(all);
    let wasFull = false;
    for (let number = 0; number < 200; number++) {
      clock.advance(100);
      server.links[0]?.send(`message ${number}`);
      if (server.links.some(({ isFull }) => isFull)) wasFull = true;
    }
    expect(wasFull).toBe(true);
    expect(events.some((event) => event.includes('stands still for 5000 ms, down'))).toBe(true);
    all.network.calm();
    clock.advance(1_000);
    expect(server.drained).toBeGreaterThan(0);
    expect(server.links[0].isFull).toBe(false);
    expect(told.at(-1)).toBe('message 199');
  });

  it('splits a message of several frames, between which it may be cut', () => {
    const all = scene({ split: 1, delayMs: [0, 50] });
    const { told } = open(all);
    all.clock.advance(200);
    all.server.links[0].send('[[2,1],[2,2],[2,3]]');
    all.server.links[0].send('[2,4]');
    all.clock.advance(200);
    expect(told).toEqual(['open', '[2,1]', '[2,2]', '[2,3]', '[2,4]']);
  });

  it('hears nothing from a server that has crashed, which hears nothing either', () => {
    const clock = new FakeClock();
    const server = new Noted(clock);
    const node = { acceptor: server };
    const up = [node];
    const all = scene({}, { servers: () => up }, clock);
    const { told, send, road } = open(all);
    clock.advance(50);
    up.length = 0;
    all.network.crash(node);
    send('to nobody');
    clock.advance(50);
    expect(told).toEqual(['open', 'closed 1006']);
    expect(server.heard).toEqual([]);
    const socket = new road.WebSocket('ws://hub.test/');
    socket.onclose = ({ code }) => told.push(`again ${code}`);
    clock.advance(50);
    expect(told.at(-1)).toBe('again 1006');
  });

  it('meets the same fate with the same seed, and another with another', () => {
    const fate = (seed: number): readonly string[] => {
      const all = scene(stormyWeather, { seed });
      const { road, send } = open(all);
      const others: HostileSocket[] = [];
      for (let turn = 0; turn < 100; turn++) {
        all.clock.advance(500);
        send('x');
        if (turn % 10 === 0) others.push(new road.WebSocket('ws://hub.test/'));
      }
      return [...all.events, ...all.server.heard, ...others.map(({ readyState }) => `state ${readyState}`)];
    };
    const first = fate(7);
    expect(first.length).toBeGreaterThan(30);
    expect(fate(7)).toEqual(first);
    expect(fate(8)).not.toEqual(first);
  });

  it('lets nothing through while a client is offline', () => {
    const all = scene();
    const { road, told } = open(all);
    all.clock.advance(50);
    road.offline();
    const again = new road.WebSocket('ws://hub.test/');
    again.onopen = () => told.push('open again');
    all.clock.advance(50);
    expect(told).toEqual(['open', 'closed 1006']);
    road.online();
    const third = new road.WebSocket('ws://hub.test/');
    third.onopen = () => told.push('third');
    all.clock.advance(50);
    expect(told.at(-1)).toBe('third');
  });
});

/** A server that answers requests with their body, or streams numbers until it is told to stop. */
function requestScene(weather: Partial<NetworkWeather> = {}): Scene & {
  readonly requests: Request[];
  readonly road: HostileRoad;
  readonly enqueue: (text: string) => void;
  readonly far: string[];
} {
  const clock = new FakeClock();
  const requests: Request[] = [];
  const far: string[] = [];
  const server = new Noted(clock);
  let enqueue = (_text: string): void => undefined;
  const handle = async (request: Request): Promise<Response> => {
    requests.push(request);
    const text = await request.text();
    request.signal.addEventListener('abort', () => far.push('aborted'));
    if (text !== 'stream') return new Response(`re: ${text}`, { status: 201 });
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        enqueue = (item) => controller.enqueue(new TextEncoder().encode(item));
      },
      cancel: () => {
        far.push('cancelled');
      },
    });
    return new Response(body, { headers: { 'Content-Type': 'text/event-stream' } });
  };
  const all = scene(weather, { servers: () => [{ acceptor: server, handle }] }, clock);
  return { ...all, requests, far, road: all.network.road('ann'), enqueue: (text) => enqueue(text) };
}

const post = (body: string, signal?: AbortSignal): RequestInit => ({ method: 'POST', body, signal });

describe('a request of the hostile network', () => {
  it('comes and is answered after a while', async () => {
    const { road, clock, requests } = requestScene({ delayMs: [10, 10] });
    const response = road.fetch('http://hub.test/', post('hello'));
    await clock.advanceAsync(9);
    expect(requests).toHaveLength(0);
    await clock.advanceAsync(12);
    const { status } = await response;
    expect(status).toBe(201);
    expect(await (await response).text()).toBe('re: hello');
    expect(road.openCount).toBe(0);
  });

  it('is lost before it arrives, or its answer is lost after it was acted upon', async () => {
    const before = requestScene({ lostRequest: 1 });
    const lost = expect(before.road.fetch('http://hub.test/', post('x'))).rejects.toThrow('lost the request');
    await before.clock.advanceAsync(50);
    await lost;
    expect(before.requests).toHaveLength(0);
    const after = requestScene({ lostAnswer: 1 });
    const unanswered = expect(after.road.fetch('http://hub.test/', post('x'))).rejects.toThrow(
      'lost the answer',
    );
    await after.clock.advanceAsync(50);
    await unanswered;
    expect(after.requests).toHaveLength(1);
  });

  it('brings a response that streams, until it is cut', async () => {
    const { road, clock, enqueue, far } = requestScene();
    const opened = road.fetch('http://hub.test/', post('stream'));
    await clock.advanceAsync(50);
    const reader = (await opened).body?.getReader();
    enqueue('one');
    await clock.advanceAsync(50);
    expect(new TextDecoder().decode((await reader?.read())?.value)).toBe('one');
    road.cut();
    await expect(reader?.read()).rejects.toThrow('the connection was lost');
    await clock.advanceAsync(50);
    expect(far).toEqual(['aborted', 'cancelled']);
    expect(road.openCount).toBe(0);
  });

  it('holds a response that streams back, so that the client sees nothing of it', async () => {
    const { road, clock, enqueue } = requestScene({ heldResponse: 1 });
    const opened = road.fetch('http://hub.test/', post('stream'));
    await clock.advanceAsync(50);
    const reader = (await opened).body?.getReader();
    enqueue('one');
    let hasRead = false;
    reader?.read().then(
      () => {
        hasRead = true;
      },
      () => undefined,
    );
    await clock.advanceAsync(60_000);
    expect(hasRead).toBe(false);
  });

  it('is given up by the client, which the server learns a while later', async () => {
    const { road, clock, far } = requestScene({ ghost: 1, ghostMs: [3_000, 3_000] });
    const stop = new AbortController();
    const opened = road.fetch('http://hub.test/', post('stream', stop.signal));
    await clock.advanceAsync(50);
    const reader = (await opened).body?.getReader();
    stop.abort();
    await expect(reader?.read()).rejects.toThrow('abort');
    await clock.advanceAsync(2_000);
    expect(far).toEqual([]);
    await clock.advanceAsync(2_000);
    expect(far).toEqual(['aborted', 'cancelled']);
    const early = new AbortController();
    const given = expect(road.fetch('http://hub.test/', post('x', early.signal))).rejects.toThrow('abort');
    early.abort();
    await clock.advanceAsync(10);
    await given;
  });
});
