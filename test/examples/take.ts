// Reading from a connection in tests.

import type { Connection, Message } from '../../src/index.ts';

/** Reads the next messages of a connection. */
export async function take(connection: Connection<unknown>, count: number): Promise<Message[]> {
  const messages: Message[] = [];
  for await (const message of connection) {
    messages.push(message);
    if (messages.length === count) break;
  }
  return messages;
}
