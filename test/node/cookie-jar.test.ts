import { CookieJar as ToughJar } from 'tough-cookie';
import { describe, expect, test } from 'vitest';
import { connect, openConnection, planConnection } from '../../src/node/connect.ts';
import type { CookieJar } from '../../src/node/cookie-jar.ts';
import { WebSocket } from '../../src/node/web-socket.ts';
import { FakeClock } from '../../src/testing.ts';
import { selfSignedCertificate } from './certificate.ts';
import { accepting, rawServer, rejectionOf, type Visit, untilClosed } from './raw-server.ts';

const helloFrame = Buffer.from([0x81, 5, ...Buffer.from('hello')]);

/** A jar that keeps what it is told and gives what it has. */
class NoteBook implements CookieJar {
  readonly asked: string[] = [];
  readonly stored: [string, readonly string[]][] = [];
  cookies: string | undefined;

  cookiesFor(url: URL): string | undefined {
    this.asked.push(url.href);
    return this.cookies;
  }

  store(url: URL, setCookie: readonly string[]): void {
    this.stored.push([url.href, setCookie]);
  }
}

function cookieOf({ head }: Visit): string | undefined {
  return /^cookie: (.*)$/im.exec(head)?.[1];
}

const refusing =
  'HTTP/1.1 401 Who\r\nSet-Cookie: a=1; Path=/\r\nSet-Cookie: b=2\r\nContent-Length: 0\r\n\r\n';

describe('a cookie jar', () => {
  test('gives the Cookie header, behind the cookies of the options, for an http: URL', async () => {
    const cookies: (string | undefined)[] = [];
    await using server = await rawServer((visit) => {
      cookies.push(cookieOf(visit));
      visit.socket.write(accepting(visit));
    });
    const cookieJar = new NoteBook();
    const url = `ws://user:pw@127.0.0.1:${server.port}/a?b`;
    await connect(url, { cookieJar });
    cookieJar.cookies = 'from=jar; and=more';
    await connect(url, { cookieJar });
    await connect(url, { cookieJar, cookies: { own: '1' } });
    expect(cookies).toEqual([undefined, 'from=jar; and=more', 'own=1; from=jar; and=more']);
    expect(new Set(cookieJar.asked)).toEqual(new Set([`http://127.0.0.1:${server.port}/a?b`]));
    expect(cookieJar.stored).toEqual([]);
  });

  test('is asked with an https: URL for wss:', async () => {
    const certificate = selfSignedCertificate();
    await using server = await rawServer(
      (visit) => visit.socket.write(accepting(visit)),
      undefined,
      certificate,
    );
    const cookieJar = new NoteBook();
    await connect(`wss://localhost:${server.port}/`, { cookieJar, tls: { ca: certificate.cert } });
    expect(cookieJar.asked).toEqual([`https://localhost:${server.port}/`]);
  });

  test('takes what the 101 sets, before the connection is there, and nothing behind it is lost', async () => {
    await using server = await rawServer((visit) => {
      const head = Buffer.from(accepting(visit, 'Set-Cookie: a=1', 'set-cookie: b=2; Secure'));
      visit.socket.write(Buffer.concat([head, helloFrame]));
      visit.socket.write(helloFrame);
    });
    const order: string[] = [];
    const cookieJar: CookieJar = {
      cookiesFor: () => Promise.resolve(''),
      async store(url, setCookie) {
        order.push(`${url.pathname} ${setCookie.join(', ')}`);
        await new Promise((resolve) => setTimeout(resolve, 20));
        order.push('stored');
      },
    };
    const connection = await connect(
      `ws://127.0.0.1:${server.port}/x`,
      { cookieJar },
      {
        message(from, message) {
          order.push(String(message));
          if (order.length === 4) from.terminate();
        },
      },
    );
    await connection.closed;
    expect(order).toEqual(['/x a=1, b=2; Secure', 'stored', 'hello', 'hello']);
  });

  test('takes what a refusal sets', async () => {
    await using server = await rawServer((visit) => visit.socket.write(refusing));
    const cookieJar = new NoteBook();
    const url = `ws://127.0.0.1:${server.port}/`;
    expect(await rejectionOf(connect(url, { cookieJar }))).toMatchObject({
      code: 'WS_HANDSHAKE_REFUSED',
      status: 401,
    });
    expect(cookieJar.stored).toEqual([[`http://127.0.0.1:${server.port}/`, ['a=1; Path=/', 'b=2']]]);
  });

  test('takes what a redirect sets before it is asked for where that leads', async () => {
    const cookies: (string | undefined)[] = [];
    await using server = await rawServer((visit) => {
      cookies.push(cookieOf(visit));
      visit.socket.write(
        cookies.length === 1
          ? 'HTTP/1.1 302 Found\r\nLocation: /in\r\nSet-Cookie: session=1\r\nContent-Length: 0\r\n\r\n'
          : accepting(visit, 'Set-Cookie: seen=yes'),
      );
    });
    const jar = new ToughJar();
    const cookieJar: CookieJar = {
      cookiesFor: (url) => jar.getCookieString(url.href),
      async store(url, setCookie) {
        for (const cookie of setCookie) await jar.setCookie(cookie, url.href, { ignoreError: true });
      },
    };
    const url = `ws://127.0.0.1:${server.port}/`;
    await connect(url, { cookieJar, maxRedirects: 1 });
    await connect(url, { cookieJar });
    expect(cookies).toEqual([undefined, 'session=1', 'session=1; seen=yes']);
  });

  test('works with the WHATWG WebSocket', async () => {
    await using server = await rawServer((visit) => visit.socket.write(accepting(visit, 'Set-Cookie: a=1')));
    const cookieJar = new NoteBook();
    const socket = new WebSocket(`ws://127.0.0.1:${server.port}/`, [], { cookieJar });
    await new Promise((resolve) => {
      socket.onopen = resolve;
    });
    expect(cookieJar.stored.length).toBe(1);
  });
});

describe('a cookie jar that fails', () => {
  const broken = (): never => {
    throw new Error('the disk is full');
  };

  test.each<[string, Partial<CookieJar>, number]>([
    ['before the request', { cookiesFor: broken }, 0],
    ['before the request, later', { cookiesFor: () => Promise.reject(new Error('the disk is full')) }, 0],
    ['behind the 101', { store: broken }, 1],
  ])('fails the attempt, and leaves no connection behind: %s', async (_when, methods, visits) => {
    await using server = await rawServer((visit) => visit.socket.write(accepting(visit, 'Set-Cookie: a=1')));
    const cookieJar: CookieJar = { cookiesFor: () => undefined, store: () => undefined, ...methods };
    expect(await rejectionOf(connect(`ws://127.0.0.1:${server.port}/`, { cookieJar }))).toMatchObject({
      code: 'WS_CONNECT_FAILED',
      message: `could not connect to 127.0.0.1:${server.port}: the cookie jar failed: the disk is full`,
    });
    expect(server.sockets.length).toBe(visits);
    for (const socket of server.sockets) await untilClosed(socket);
  });

  test('fails the attempt behind a refusal too', async () => {
    await using server = await rawServer((visit) => visit.socket.write(refusing));
    const cookieJar: CookieJar = { cookiesFor: () => undefined, store: broken };
    expect(await rejectionOf(connect(`ws://127.0.0.1:${server.port}/`, { cookieJar }))).toMatchObject({
      code: 'WS_CONNECT_FAILED',
      message: expect.stringContaining('the cookie jar failed'),
    });
  });

  test.each(['hunter2\r\nX: y', 'hunter2\u{1f36a}'])(
    'by giving what is no header is told without it: %j',
    async (cookies) => {
      const cookieJar: CookieJar = { cookiesFor: () => cookies, store: () => undefined };
      const error = await rejectionOf(connect('ws://x.test', { cookieJar }));
      expect(error).toMatchObject({ code: 'WS_OPTION_INVALID' });
      expect(String(error)).not.toContain('hunter2');
    },
  );

  test('by never answering is left at the deadline', async () => {
    const clock = new FakeClock();
    const never = new Promise<never>(() => undefined);
    const asked = planConnection('ws://x.test', {
      cookieJar: { cookiesFor: () => never, store: () => undefined },
    });
    const first = rejectionOf(openConnection(asked, { clock }));
    clock.advance(10_000);
    expect(await first).toMatchObject({
      code: 'WS_HANDSHAKE_TIMEOUT',
      message: 'no connection within 10000 ms: the cookie jar had not answered for x.test:80',
    });

    await using server = await rawServer((visit) => visit.socket.write(accepting(visit, 'Set-Cookie: a=1')));
    let storing = (): void => undefined;
    const begun = new Promise<void>((resolve) => {
      storing = resolve;
    });
    const plan = planConnection(`ws://127.0.0.1:${server.port}`, {
      cookieJar: {
        cookiesFor: () => undefined,
        store: () => {
          storing();
          return never;
        },
      },
    });
    const second = rejectionOf(openConnection(plan, { clock }));
    await begun;
    clock.advance(10_000);
    expect(await second).toMatchObject({ code: 'WS_HANDSHAKE_TIMEOUT' });
    for (const socket of server.sockets) await untilClosed(socket);
  });

  test.each<unknown>([5, {}, { cookiesFor: () => undefined }, { store: () => undefined }])(
    'is refused at once when it is none: %j',
    async (jar) => {
      expect(await rejectionOf(connect('ws://x.test', { cookieJar: jar as CookieJar }))).toMatchObject({
        code: 'WS_OPTION_INVALID',
        message: expect.stringContaining('option cookieJar lacks a method'),
      });
    },
  );

  test('is refused beside a Cookie header', async () => {
    const options = { headers: { cookie: 'a=b' }, cookieJar: new NoteBook() };
    expect(await rejectionOf(connect('ws://x.test', options))).toMatchObject({ code: 'WS_OPTION_INVALID' });
  });
});
