import { describe, expect, test } from 'vitest';
import { connectionPair, FakeClock, recordFrames, settle } from '../../src/testing.ts';

describe('a frame recorder', () => {
  test('writes a transcript of both directions that people can read', async () => {
    const clock = new FakeClock();
    const { client, server } = connectionPair({ clock });
    server.attach({ message: (connection, message) => void connection.send(message) });
    client.attach({ message: () => undefined });
    const recorder = recordFrames(server, { clock });
    client.send('grüße');
    await settle();
    await clock.advanceAsync(1_500);
    client.send(new Uint8Array([0, 255]));
    client.sendFragment('a', { fin: false });
    client.sendFragment('', { fin: true });
    client.ping('?');
    await settle();
    void client.close(4000, 'bye');
    await client.closed;
    expect(recorder.toString().split('\n')).toEqual([
      '     0 ms <- text "grüße" (7 bytes, masked)',
      '     0 ms -> text "grüße" (7 bytes)',
      '  1500 ms <- binary 00 ff (2 bytes, masked)',
      '  1500 ms -> binary 00 ff (2 bytes)',
      '  1500 ms <- text "a" (1 bytes, not final, masked)',
      '  1500 ms <- continuation (0 bytes, masked)',
      '  1500 ms -> text "a" (1 bytes)',
      '  1500 ms <- ping "?" (1 bytes, masked)',
      '  1500 ms -> pong "?" (1 bytes)',
      '  1500 ms <- close 4000 bye (5 bytes, masked)',
      '  1500 ms -> close 4000 (2 bytes)',
    ]);
  });

  test('keeps each frame with its header, its payload unmasked and its time', async () => {
    const clock = new FakeClock();
    await clock.advanceAsync(100);
    const { client, server } = connectionPair({ clock });
    const recorder = recordFrames(server, { clock });
    await clock.advanceAsync(20);
    client.send('hello');
    await settle();
    const [frame] = recorder.frames;
    expect(frame).toMatchObject({ direction: 'in', opcode: 'text', atMs: 20 });
    expect(frame.header).toMatchObject({ fin: true, rsv: 0, opcode: 1, payloadLength: 5 });
    expect(frame.header.maskKey).toBeTypeOf('number');
    expect(new TextDecoder().decode(frame.payload)).toBe('hello');
  });

  test('gives plain values for JSON', async () => {
    const clock = new FakeClock();
    const { client, server } = connectionPair({ clock });
    const recorder = recordFrames(client, { clock });
    client.send('hi');
    client.send(new Uint8Array([1, 2, 3]));
    await settle();
    expect(JSON.parse(JSON.stringify(recorder))).toEqual([
      {
        direction: 'out',
        opcode: 'text',
        fin: true,
        rsv: [],
        masked: true,
        payloadLength: 2,
        text: 'hi',
        atMs: 0,
      },
      {
        direction: 'out',
        opcode: 'binary',
        fin: true,
        rsv: [],
        masked: true,
        payloadLength: 3,
        hex: '010203',
        atMs: 0,
      },
    ]);
    await server.close(1012, 'later');
    expect(recorder.toJSON().at(-2)).toMatchObject({ direction: 'in', opcode: 'close', text: '1012 later' });
  });

  test('drops the oldest frames beyond maxBytes, says how many, and cuts a payload that is longer', async () => {
    const { client, server } = connectionPair({ server: { highWaterMarkBytes: 1_000_000 } });
    const recorder = recordFrames(server, { maxBytes: 2_000 });
    for (let index = 0; index < 10; index++) client.send(`${index}${'x'.repeat(300)}`);
    await settle();
    expect(recorder.frames.map(({ payload }) => String.fromCharCode(payload[0]))).toEqual(['7', '8', '9']);
    expect(recorder.droppedFrames).toBe(7);
    expect(recorder.toString()).toMatch(/^\(7 earlier frames were dropped\)\n/);
    client.send('y'.repeat(10_000));
    await settle();
    const [long] = recorder.frames;
    expect(recorder.frames).toHaveLength(1);
    expect([long.payload.length, long.header.payloadLength]).toEqual([2_000, 10_000]);
    recorder.clear();
    expect([recorder.frames.length, recorder.droppedFrames, recorder.toString()]).toEqual([0, 0, '']);
  });

  test('stops when it is told to, and disturbs no other recorder', async () => {
    const { client, server } = connectionPair();
    const [first, second] = [recordFrames(server), recordFrames(server)];
    client.send('one');
    await settle();
    first.stop();
    first.stop();
    client.send('two');
    await settle();
    expect([first.frames.length, second.frames.length]).toEqual([1, 2]);
  });

  test('shows what is no text as bytes, cut where it is long', async () => {
    const { client, server } = connectionPair();
    const recorder = recordFrames(server);
    client.send(new Uint8Array(100).fill(0xab));
    client.send('\u0000');
    await settle();
    const [long, control] = recorder.toString().split('\n');
    expect(long).toContain(`${'ab '.repeat(24)}… (100 bytes, masked)`);
    expect(control).toContain('<- text 00 (1 bytes, masked)');
  });

  test('refuses a bound that is none', () => {
    const { server } = connectionPair();
    expect(() => recordFrames(server, { maxBytes: 0 })).toThrow('option maxBytes is 0');
  });
});
