import { expect, test } from 'vitest';
import { type Connection, connect } from '../../src/index.ts';
import { ExampleProcess } from './example-process.ts';
import { take } from './take.ts';

/** Connects, and tells which process has taken the connection. */
async function join(url: string): Promise<{ connection: Connection<unknown>; process: string }> {
  const connection = await connect(url);
  const [greeting] = await take(connection, 1);
  return { connection, process: String(greeting) };
}

test('examples/cluster: processes share a port and what is said, and a restart refuses nobody', async () => {
  await using example = await ExampleProcess.start('cluster', { WORKERS: '2', DRAIN_MS: '100' });
  const url = `${example.webSocketUrl}/chat`;
  const guests = await Promise.all(Array.from({ length: 8 }, () => join(url)));
  const old = new Set(guests.map(({ process }) => process));
  expect(old.size).toBe(2);
  guests[0].connection.send('hello');
  for (const { connection } of guests) expect(await take(connection, 1)).toEqual(['hello']);

  // New guests keep coming while the processes are replaced: nobody is refused.
  const progress = { isReplaced: false };
  const replaced = example.nextLine().finally(() => {
    progress.isReplaced = true;
  });
  example.signal('SIGHUP');
  const seen = new Set<string>();
  while (!progress.isReplaced) {
    const guest = await join(url);
    seen.add(guest.process);
    await guest.connection.close();
  }
  expect(await replaced).toBe('replaced');
  for (const { connection } of guests) {
    expect(await connection.closed).toMatchObject({ code: 1012, reason: 'restarting', clean: true });
  }
  expect(seen.size).toBeGreaterThan(2);

  const back = await Promise.all(Array.from({ length: 8 }, () => join(url)));
  for (const { process } of back) expect(old).not.toContain(process);
  expect(await example.stop()).toBe(0);
  for (const { connection } of back)
    expect(await connection.closed).toMatchObject({ code: 1012, clean: true });
}, 60_000);
