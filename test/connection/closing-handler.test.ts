import { expect, test } from 'vitest';
import type { Connection } from '../../src/connection/connection.ts';
import type { ConnectionHandlers } from '../../src/connection/connection-handlers.ts';
import { connectionPair, settle } from '../../src/testing.ts';

function recorder(log: string[]): ConnectionHandlers<Connection> {
  return {
    open: () => void log.push('open'),
    message: (_, message) => void log.push(`message ${String(message)}`),
    closing: ({ readyState }) => void log.push(`closing (${readyState})`),
    close: () => void log.push('close'),
  };
}

test('closing is told once, whoever closes, between the last message and close', async () => {
  const { client, server } = connectionPair();
  const [ours, theirs]: [string[], string[]] = [[], []];
  client.attach(recorder(ours));
  server.attach(recorder(theirs));
  client.send('last');
  void client.close(1000);
  expect(ours).toEqual(['open', 'closing (closing)']);
  await client.closed;
  await server.closed;
  expect(ours).toEqual(['open', 'closing (closing)', 'close']);
  expect(theirs).toEqual(['open', 'message last', 'closing (closing)', 'close']);
});

test('closing is told when the connection is cut or fails', async () => {
  const cut = connectionPair();
  const log: string[] = [];
  cut.client.attach(recorder(log));
  cut.client.terminate();
  expect(log).toEqual(['open', 'closing (closing)']);
  await settle();
  expect(log).toEqual(['open', 'closing (closing)', 'close']);
  const failed = connectionPair();
  const failedLog: string[] = [];
  failed.client.attach(recorder(failedLog));
  // RSV1 without an extension.
  failed.serverTransport.write([new Uint8Array([0xc1, 0])]);
  await settle();
  expect(failedLog.slice(0, 2)).toEqual(['open', 'closing (closing)']);
});

test('closing is told to handlers that are attached late, behind what was held', async () => {
  const { client, server } = connectionPair();
  server.send('held');
  void server.close(1000);
  await settle();
  const log: string[] = [];
  client.attach(recorder(log));
  await settle();
  expect(log.slice(0, 3)).toEqual(['open', 'message held', 'closing (closed)']);
  expect(log.at(-1)).toBe('close');
});
