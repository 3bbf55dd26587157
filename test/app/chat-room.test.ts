import { afterEach, describe, expect, test } from 'vitest';
import { ChatRoom, historyLength } from '../../src/app/chat-room.ts';
import type { ChatEvent, ChatRequest } from '../../src/app/messages.ts';
import { connect, type Connection, serve, type WebSocketServer } from '../../src/index.ts';
import { FrameCollector, type ObservedFrame, opcodeName } from '../../src/protocol.ts';

const servers: WebSocketServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close({ timeoutMs: 100 });
});

async function openRoom(): Promise<WebSocketServer> {
  const server = await serve(
    { port: 0, host: '127.0.0.1' },
    {
      open: (connection) => room.enter(connection),
      message: (connection, message) => room.receive(connection, message),
      close: (connection) => room.leave(connection),
    },
  );
  const room = new ChatRoom(server);
  servers.push(server);
  return server;
}

class Guest {
  readonly connection: Connection;
  readonly frames: ObservedFrame[] = [];
  readonly #messages: AsyncIterator<string | Uint8Array>;

  constructor(connection: Connection) {
    this.connection = connection;
    connection.observe(new FrameCollector(1024, (frame) => void this.frames.push(frame)));
    this.#messages = connection[Symbol.asyncIterator]();
  }

  static async in(server: WebSocketServer, name?: string): Promise<Guest> {
    const guest = new Guest(await connect(server.url));
    guest.send({ type: 'hello', ...(name === undefined ? {} : { name }) });
    await guest.next('welcome');
    return guest;
  }

  send(request: ChatRequest): void {
    this.connection.send(JSON.stringify(request));
  }

  /** The next event of a type; those before it are left out. */
  async next<Type extends ChatEvent['type']>(type: Type): Promise<Extract<ChatEvent, { type: Type }>> {
    for (;;) {
      const event = JSON.parse(await this.nextText()) as ChatEvent;
      if (event.type === type) return event as Extract<ChatEvent, { type: Type }>;
    }
  }

  async nextText(): Promise<string> {
    const { value, done } = await this.#messages.next();
    if (done === true) throw new Error(`closed: ${JSON.stringify(this.connection.closedInfo)}`);
    return typeof value === 'string' ? value : `{"type":"binary","length":${value.length}}`;
  }
}

describe('the chat room', () => {
  test('what one says everybody hears, with the name', async () => {
    const server = await openRoom();
    const ada = await Guest.in(server, 'Ada');
    const grace = await Guest.in(server, 'Grace');
    ada.send({ type: 'say', text: 'Hello' });
    for (const guest of [ada, grace]) {
      expect(await guest.next('message')).toMatchObject({ from: { name: 'Ada' }, text: 'Hello' });
    }
  });

  test('that one is typing the others hear, and the one does not', async () => {
    const server = await openRoom();
    const ada = await Guest.in(server, 'Ada');
    const grace = await Guest.in(server, 'Grace');
    ada.send({ type: 'typing', isTyping: true });
    expect(await grace.next('typing')).toMatchObject({ who: { name: 'Ada' }, isTyping: true });
    ada.send({ type: 'say', text: 'Done' });
    await ada.next('people');
    expect(JSON.parse(await ada.nextText())).toMatchObject({ type: 'message' });
  });

  test('who comes, goes or takes another name is told to everybody', async () => {
    const server = await openRoom();
    const ada = await Guest.in(server, 'Ada');
    const other = await Guest.in(server);
    const { people } = await ada.next('people');
    expect(people.map(({ name }) => name)).toEqual(['Ada', 'Otter']);
    other.send({ type: 'rename', name: 'Grace' });
    expect((await ada.next('people')).people.map(({ name }) => name)).toEqual(['Ada', 'Grace']);
    await other.connection.close();
    expect((await ada.next('people')).people.map(({ name }) => name)).toEqual(['Ada']);
  });

  test('a newcomer gets the last messages, and not more of them than are kept', async () => {
    const server = await openRoom();
    for (let guest = 0; guest < 4; guest++) {
      const speaker = await Guest.in(server);
      for (let line = 0; line < 15; line++) speaker.send({ type: 'say', text: `${guest}.${line}` });
      while ((await speaker.next('message')).text !== `${guest}.14`);
    }
    const newcomer = new Guest(await connect(server.url));
    newcomer.send({ type: 'hello' });
    const { messages } = await newcomer.next('welcome');
    expect(messages).toHaveLength(historyLength);
    expect(messages.at(-1)?.text).toBe('3.14');
  });

  test('who sends too much at once is told to wait, and nobody hears the rest', async () => {
    const server = await openRoom();
    const ada = await Guest.in(server, 'Ada');
    for (let line = 0; line < 40; line++) ada.send({ type: 'say', text: String(line) });
    expect(await ada.next('notice')).toMatchObject({ text: expect.stringContaining('too much') });
    await ada.connection.close();
    const newcomer = new Guest(await connect(server.url));
    newcomer.send({ type: 'hello' });
    const { messages } = await newcomer.next('welcome');
    expect(messages.length).toBeGreaterThan(10);
    expect(messages.length).toBeLessThan(25);
  });

  test.each(['nonsense', '{"type":"say"}'])('%s is answered with advice', async (text) => {
    const server = await openRoom();
    const ada = await Guest.in(server, 'Ada');
    ada.connection.send(text);
    expect(await ada.next('notice')).toMatchObject({ text: expect.stringContaining('Not understood') });
  });
});

describe('the experiments', () => {
  test('a fragmented message is three frames with a ping between them', async () => {
    const guest = await Guest.in(await openRoom());
    guest.frames.length = 0;
    guest.send({ type: 'try', experiment: 'fragments' });
    expect(await guest.next('notice')).toMatchObject({ text: expect.stringContaining('three frames') });
    const seen = guest.frames
      .filter(({ direction }) => direction === 'in')
      .map(({ header }) => [opcodeName(header.opcode), header.fin]);
    expect(seen.slice(-4)).toEqual([
      ['text', false],
      ['ping', true],
      ['continuation', false],
      ['continuation', true],
    ]);
  });

  test.each([
    ['binary', 256],
    ['large-binary', 70_000],
  ] as const)('%s is one message of %i bytes', async (experiment, length) => {
    const guest = await Guest.in(await openRoom());
    guest.send({ type: 'try', experiment });
    let text = await guest.nextText();
    while (!text.includes('"binary"')) text = await guest.nextText();
    expect(JSON.parse(text)).toEqual({ type: 'binary', length });
  });

  test.each([
    [4000, 4000],
    [1011, 1011],
    [999, 1000],
    [undefined, 1000],
  ])('close with %s closes with %i', async (given, code) => {
    const guest = await Guest.in(await openRoom());
    guest.send({ type: 'try', experiment: 'close', ...(given === undefined ? {} : { code: given }) });
    expect(await guest.connection.closed).toMatchObject({ code, clean: true, by: 'remote' });
  });
});
