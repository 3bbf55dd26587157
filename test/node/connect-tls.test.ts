import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import type { ListenOptions } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LookupFunction } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { connect as connectSocket } from 'node:net';
import { describe, expect, test } from 'vitest';
import { connect } from '../../src/node/connect.ts';
import { selfSignedCertificate } from './certificate.ts';
import { accepting, rawServer, rejectionOf } from './raw-server.ts';

const certificate = selfSignedCertificate();
const loopback: LookupFunction = (_host, options, callback) => {
  if (options.all === true) callback(null, [{ address: '127.0.0.1', family: 4 }]);
  else callback(null, '127.0.0.1', 4);
};

/** Accepts everybody and sends one message; remembers the names that clients ask for. */
async function tlsServer(listen?: ListenOptions) {
  const names: unknown[] = [];
  const server = await rawServer(
    (visit) => {
      const { servername, alpnProtocol } = visit.socket as TLSSocket & { servername: unknown };
      names.push([servername, alpnProtocol]);
      const frame = Buffer.from([0x81, 5, ...Buffer.from('hello')]);
      visit.socket.write(Buffer.concat([Buffer.from(accepting(visit)), frame]));
    },
    listen,
    { ...certificate, ALPNProtocols: ['h2', 'http/1.1'] },
  );
  return { server, names };
}

describe('over TLS', () => {
  test.each(['wss', 'https'])('%s: connects to a server whose authority is known', async (scheme) => {
    const { server, names } = await tlsServer();
    await using _ = server;
    const connection = await connect(`${scheme}://localhost:${server.port}/`, {
      tls: { ca: certificate.cert },
      socket: { family: 4 },
    });
    for await (const message of connection) {
      expect(message).toBe('hello');
      break;
    }
    expect(names).toEqual([['localhost', 'http/1.1']]);
    connection.terminate();
  });

  test('sends no server name for an address', async () => {
    const { server, names } = await tlsServer();
    await using _ = server;
    await connect(`wss://127.0.0.1:${server.port}/`, { tls: { ca: certificate.cert } });
    expect(names).toEqual([[false, 'http/1.1']]);
  });

  test('leaves the dot at the end of a name to DNS', async () => {
    const { server, names } = await tlsServer();
    await using _ = server;
    const options = { tls: { ca: certificate.cert }, socket: { lookup: loopback } };
    await connect(`wss://localhost.:${server.port}/`, options);
    expect(names).toEqual([['localhost', 'http/1.1']]);
  });

  test('refuses a certificate that signs itself, and says so', async () => {
    const { server } = await tlsServer();
    await using _ = server;
    const error = await rejectionOf(connect(`wss://127.0.0.1:${server.port}/`));
    expect(error).toMatchObject({
      code: 'WS_CERTIFICATE_INVALID',
      // From Node 24 on the platform's reason is longer.
      message: expect.stringMatching(
        /^the certificate of 127\.0\.0\.1 is not accepted: self-signed certificate.* \(option tls\.ca names authorities to trust\)$/,
      ),
      cause: { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' },
    });
  });

  test('refuses a certificate for another name, and takes it when told the name', async () => {
    const { server } = await tlsServer();
    await using _ = server;
    const url = `wss://example.test:${server.port}/`;
    const options = { tls: { ca: certificate.cert }, socket: { lookup: loopback } };
    const error = await rejectionOf(connect(url, options));
    expect(error).toMatchObject({
      code: 'WS_CERTIFICATE_INVALID',
      cause: { code: 'ERR_TLS_CERT_ALTNAME_INVALID' },
    });
    const connection = await connect(url, { ...options, tls: { ...options.tls, servername: 'localhost' } });
    expect(connection.readyState).toBe('open');
  });

  test('takes any certificate when rejectUnauthorized is false', async () => {
    const { server } = await tlsServer();
    await using _ = server;
    const connection = await connect(`wss://127.0.0.1:${server.port}/`, {
      tls: { rejectUnauthorized: false },
    });
    expect(connection.readyState).toBe('open');
  });

  test('says that the server speaks no TLS', async () => {
    await using server = await rawServer(() => undefined);
    const arrival = server.nextSocket();
    const connecting = rejectionOf(connect(`wss://127.0.0.1:${server.port}/`));
    (await arrival).write('HTTP/1.1 400 Bad Request\r\n\r\n');
    const error = await connecting;
    expect(error).toMatchObject({
      code: 'WS_CONNECT_FAILED',
      message: `could not connect to 127.0.0.1:${server.port}: TLS: wrong version number`,
    });
  });

  test('says that the server hung up during TLS', async () => {
    await using server = await rawServer(() => undefined);
    const arrival = server.nextSocket();
    const connecting = rejectionOf(connect(`wss://127.0.0.1:${server.port}/`));
    (await arrival).destroy();
    expect(await connecting).toMatchObject({ code: 'WS_CONNECT_FAILED', cause: { code: 'ECONNRESET' } });
  });

  test('refuses keys that Node cannot read, before anything is dialled', async () => {
    await using server = await rawServer(() => undefined);
    const error = await rejectionOf(connect(`wss://127.0.0.1:${server.port}/`, { tls: { key: 'no key' } }));
    expect(error).toMatchObject({
      code: 'WS_OPTION_INVALID',
      message: expect.stringMatching(/^option tls cannot be used: /),
    });
    expect(server.sockets).toEqual([]);
  });

  test('leaves no socket behind when Node refuses a tls option', async () => {
    await using server = await rawServer(() => undefined);
    const arrival = server.nextSocket();
    const tls = { servername: 5 as unknown as string };
    const error = await rejectionOf(connect(`wss://127.0.0.1:${server.port}/`, { tls }));
    expect(error).toMatchObject({ code: 'WS_OPTION_INVALID' });
    const socket = await arrival;
    if (!socket.closed) await once(socket, 'close');
  });

  test('goes over a unix socket, and over a stream of createConnection', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'fullduplex-'));
    const path = join(folder, 'tls.sock');
    try {
      const { server, names } = await tlsServer({ path });
      await using _ = server;
      const tls = { ca: certificate.cert };
      const one = await connect(`wss+unix:${path}:/x`, { tls });
      const other = await connect('wss://localhost/', { tls, createConnection: () => connectSocket(path) });
      expect([one.readyState, other.readyState]).toEqual(['open', 'open']);
      expect(names).toEqual([
        ['localhost', 'http/1.1'],
        ['localhost', 'http/1.1'],
      ]);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
