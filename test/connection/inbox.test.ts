import { beforeEach, describe, expect, it } from 'vitest';
import { Inbox, messageOverheadBytes } from '../../src/connection/inbox.ts';

let inbox: Inbox;
let taken: number;
let left: number;

beforeEach(() => {
  taken = 0;
  left = 0;
  inbox = new Inbox({ taken: () => taken++, left: () => left++ });
});

describe('Inbox', () => {
  it('holds messages in order and counts them with what each costs beside its bytes', () => {
    inbox.push('four');
    inbox.push(new Uint8Array(10));
    inbox.push('');
    expect(inbox.messageBytes).toBe(14 + 3 * messageOverheadBytes);
    expect(inbox.heldBytes).toBe(inbox.messageBytes);
    expect([inbox.shift(), inbox.shift(), inbox.shift(), inbox.shift()]).toEqual([
      'four',
      new Uint8Array(10),
      '',
      undefined,
    ]);
    expect([inbox.messageBytes, taken]).toEqual([0, 0]);
  });

  it('hands a message to the loop that waits for it, and ends loops behind what waits', async () => {
    const messages = inbox.messages();
    const first = messages.next();
    inbox.push('a');
    expect([await first, inbox.messageBytes]).toEqual([{ done: false, value: 'a' }, 0]);
    inbox.push('b');
    inbox.end();
    expect(await messages.next()).toEqual({ done: false, value: 'b' });
    expect(taken).toBe(1);
    expect(await messages.next()).toEqual({ done: true, value: undefined });
  });

  it('gives streams that are read while they arrive, and counts what nobody has read', async () => {
    const streams = inbox.streams();
    inbox.messageStart('text');
    inbox.messageChunk(new TextEncoder().encode('hello'));
    expect(inbox.heldBytes).toBeGreaterThanOrEqual(messageOverheadBytes + 5);
    const { value } = await streams.next();
    const chunks: unknown[] = [];
    const reading = (async () => {
      for await (const chunk of value?.chunks ?? []) chunks.push(chunk);
    })();
    inbox.messageChunk(new TextEncoder().encode(' you'));
    inbox.messageEnd();
    await reading;
    expect(chunks.join('')).toBe('hello you');
    expect(inbox.heldBytes).toBe(0);
    expect(taken).toBeGreaterThan(1);
  });

  it('skips a stream that nobody has begun when the next one is asked for', async () => {
    const streams = inbox.streams();
    inbox.messageStart('binary');
    inbox.messageChunk(new Uint8Array(100));
    inbox.messageEnd();
    inbox.messageStart('text');
    inbox.messageEnd();
    expect((await streams.next()).value?.type).toBe('binary');
    expect((await streams.next()).value?.type).toBe('text');
    expect(inbox.heldBytes).toBe(0);
  });

  it('tells that a loop has left once, and ends a stream that was arriving when all ends', async () => {
    const streams = inbox.streams();
    inbox.messageStart('binary');
    const { value } = await streams.next();
    inbox.end();
    const chunks: unknown[] = [];
    for await (const chunk of value?.chunks ?? []) chunks.push(chunk);
    expect(chunks).toEqual([]);
    await streams.return?.();
    await streams.return?.();
    expect(left).toBe(1);
    expect(await streams.next()).toEqual({ done: true, value: undefined });
  });
});
