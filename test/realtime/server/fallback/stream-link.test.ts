import { expect, test } from 'vitest';
import { hello, stage } from './scripted-acceptor.ts';

const decoder = new TextDecoder();

async function nextText(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<string | undefined> {
  const read = await reader.read();
  return read.done ? undefined : decoder.decode(read.value);
}

async function openStream(options = {}) {
  const scene = stage(options);
  const abort = new AbortController();
  const response = await scene.post({ link: 'stream', hello }, {}, abort.signal);
  const [offered] = scene.acceptor.links;
  if (response.body === null) throw new Error('a stream without a body');
  return { ...scene, abort, response, offered, reader: response.body.getReader() };
}

test('a stream is an event stream that nothing on the way may keep, change or collect', async () => {
  const { response } = await openStream();
  expect(response.status).toBe(200);
  expect(Object.fromEntries(response.headers)).toEqual({
    'cache-control': 'no-store, no-transform',
    'content-type': 'text/event-stream; charset=utf-8',
    'x-accel-buffering': 'no',
    'x-content-type-options': 'nosniff',
  });
});

test('a stream begins with two kilobytes that mean nothing, so that small buffers on the way flush', async () => {
  const { reader } = await openStream();
  const first = (await nextText(reader)) ?? '';
  expect(first.length).toBe(2048);
  expect(first).toMatch(/^: +\n\n$/);
});

test('the hub hears the hello as the frame that it is, and of who opened the link', async () => {
  const { offered } = await openStream();
  expect(offered.received).toEqual(['[1,{"v":1}]']);
  expect(offered.link.kind).toBe('stream');
  expect(offered.link.isTwoWay).toBe(false);
  expect(offered.peer).toMatchObject({
    kind: 'stream',
    remoteAddress: '192.0.2.7',
    url: 'http://chat.example/realtime',
  });
  expect(offered.peer.header('content-type')).toBe('application/json');
});

test('each text is one event, also when its JSON has line breaks', async () => {
  const { offered, reader } = await openStream();
  await nextText(reader);
  offered.link.send('[1]');
  offered.link.sendShared({ text: '[2,\r\n1]', byteLength: 8 });
  expect(await nextText(reader)).toBe('data: [1]\n\n');
  expect(await nextText(reader)).toBe('data: [2, 1]\n\n');
});

test('a stream that is not read becomes full, and tells when it has been read again', async () => {
  const { offered, reader } = await openStream({ highWaterMarkBytes: 1024 });
  const text = JSON.stringify('x'.repeat(600));
  offered.link.send(text);
  expect(offered.link.isFull).toBe(false);
  offered.link.send(text);
  expect(offered.link.isFull).toBe(true);
  expect(offered.link.bufferedBytes).toBeGreaterThan(1024);
  expect(offered.drained).toBe(0);
  await nextText(reader);
  await nextText(reader);
  await nextText(reader);
  expect(offered.link.isFull).toBe(false);
  expect(offered.drained).toBe(1);
  expect(offered.link.bufferedBytes).toBe(0);
});

test('a stream that is sent more than it may hold is cut, whoever reads it sees no proper end', async () => {
  const { offered, reader, endpoint } = await openStream({
    highWaterMarkBytes: 1024,
    maxBufferedBytes: 4096,
  });
  for (let count = 0; count < 100; count++) offered.link.send(JSON.stringify('x'.repeat(600)));
  expect(offered.ended).toBe(1);
  expect(offered.link.bufferedBytes).toBe(0);
  expect(endpoint.linkCount).toBe(0);
  await expect(reader.read()).rejects.toThrow('cut by the server');
});

test('the end of a stream comes behind what was sent, and the hub hears of it once', async () => {
  const { offered, reader, endpoint } = await openStream();
  offered.link.send('[10,{}]');
  offered.link.close(4006, 'bye');
  offered.link.send('[2]');
  await nextText(reader);
  expect(await nextText(reader)).toBe('data: [10,{}]\n\n');
  expect(await nextText(reader)).toBeUndefined();
  offered.link.close(4006, 'bye');
  expect(offered.ended).toBe(1);
  expect(endpoint.linkCount).toBe(0);
});

test('a stream that nobody reads to its end is cut a while after it', async () => {
  const { offered, reader, clock } = await openStream();
  offered.link.send('[10,{}]');
  offered.link.close(4006, 'bye');
  await clock.advanceAsync(5_000);
  await expect(reader.read()).rejects.toThrow('cut by the server');
});

test('a client that goes away ends the link, by the body or by the signal', async () => {
  const first = await openStream();
  await first.reader.cancel();
  expect(first.offered.ended).toBe(1);
  const second = await openStream();
  second.abort.abort();
  expect(second.offered.ended).toBe(1);
  expect(second.endpoint.linkCount).toBe(0);
});
