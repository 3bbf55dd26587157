import { expect, test } from 'vitest';
import { connectionPair } from '../../src/testing.ts';

test('two connections in memory exchange messages and close cleanly', async () => {
  const { client, server } = connectionPair({ protocol: 'chat' });
  server.attach({ message: (connection, message) => void connection.send(message) });
  expect(client.send('hello')).toBe(true);
  expect(client.send(new Uint8Array([1, 2, 3]))).toBe(true);
  const received: unknown[] = [];
  for await (const message of client) {
    received.push(message);
    if (received.length === 2) break;
  }
  expect(received).toEqual(['hello', new Uint8Array([1, 2, 3])]);
  expect(await client.close(4000, 'bye')).toEqual({ code: 4000, reason: 'bye', clean: true, by: 'local' });
  expect(await server.closed).toEqual({ code: 4000, reason: 'bye', clean: true, by: 'remote' });
});
