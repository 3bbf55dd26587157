import { createServer } from 'node:net';
import { afterEach, expect, test, vi } from 'vitest';
import { connect, serve, type WebSocketServer } from '../../src/index.ts';

const servers: WebSocketServer[] = [];

afterEach(async () => {
  vi.restoreAllMocks();
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

test('an accept that fails while the server listens is reported and does not end the process', async () => {
  const errors: unknown[] = [];
  const listen = vi.spyOn(Object.getPrototypeOf(createServer()), 'listen');
  const server = await serve({ port: 0, host: '127.0.0.1', onError: (error) => errors.push(error) });
  servers.push(server);
  // What Node does when accept() fails with EMFILE or ENFILE.
  const listener = listen.mock.contexts[0];
  const failure = new Error('accept ENFILE');
  expect(() => listener.emit('error', failure)).not.toThrow();
  expect(errors).toEqual([failure]);
  const connection = await connect(server.url);
  expect(await connection.close()).toMatchObject({ clean: true });
});

test('an onError whose promise rejects is reported to the console, not to the process', async () => {
  const shown = vi.spyOn(console, 'error').mockImplementation(() => undefined);
  const server = await serve(
    { port: 0, host: '127.0.0.1', onError: () => Promise.reject(new Error('reporter')) },
    {
      message: () => {
        throw new Error('handler');
      },
    },
  );
  servers.push(server);
  const connection = await connect(server.url);
  connection.send('x');
  expect(await connection.closed).toMatchObject({ code: 1011 });
  await vi.waitFor(() => expect(shown).toHaveBeenCalledWith(new Error('reporter')));
});
