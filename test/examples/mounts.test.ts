import { expect, test } from 'vitest';
import { connect } from '../../src/index.ts';
import { ExampleProcess } from './example-process.ts';
import { take } from './take.ts';

test('examples/node-http: guests chat beside a page, and are told goodbye when the server stops', async () => {
  await using example = await ExampleProcess.start('node-http');
  const page = await fetch(example.url);
  expect(page.headers.get('content-type')).toContain('text/html');
  expect(await page.text()).toContain('<form>');
  expect((await fetch(`${example.url}/other`)).status).toBe(404);

  const ada = await connect(`${example.webSocketUrl}/chat/ada`, { origin: example.url });
  expect(await take(ada, 1)).toEqual(['ada is here']);
  const bob = await connect(`${example.webSocketUrl}/chat/bob%20b`, { origin: example.url });
  ada.send('hello');
  expect(await take(bob, 2)).toEqual(['bob b is here', 'ada: hello']);
  expect(await take(ada, 2)).toEqual(['bob b is here', 'ada: hello']);
  await bob.close();
  expect(await take(ada, 1)).toEqual(['bob b has left']);

  const refused = connect(`${example.webSocketUrl}/chat/${'x'.repeat(21)}`);
  await expect(refused).rejects.toMatchObject({ status: 400, body: 'that name is too long\n' });
  const foreign = connect(`${example.webSocketUrl}/chat/eve`, { origin: 'https://evil.example' });
  await expect(foreign).rejects.toMatchObject({ status: 403 });

  expect(await example.stop()).toBe(0);
  expect(await ada.closed).toMatchObject({ code: 1001, reason: 'the server is stopping', clean: true });
});

test('examples/express: a route publishes to WebSockets, and these to one another', async () => {
  await using example = await ExampleProcess.start('express');
  expect(await (await fetch(example.url)).text()).toContain('Chat on Express');
  const ada = await connect(`${example.webSocketUrl}/chat`, { origin: example.url });
  const bob = await connect(`${example.webSocketUrl}/chat`);
  expect(await (await fetch(`${example.url}/connections`)).json()).toEqual({ count: 2 });
  ada.send('hello');
  expect(await take(bob, 1)).toEqual(['hello']);
  const posted = await fetch(`${example.url}/announce`, { method: 'POST', body: 'lunch' });
  expect(await posted.json()).toEqual({ receivers: 2 });
  expect([await take(ada, 1), await take(bob, 1)]).toEqual([
    ['announcement: lunch'],
    ['announcement: lunch'],
  ]);
  await expect(connect(`${example.webSocketUrl}/other`)).rejects.toMatchObject({ status: 404 });
  await Promise.all([ada.close(), bob.close()]);
});

test('examples/fastify: a counter is shared, and closing the application closes it', async () => {
  await using example = await ExampleProcess.start('fastify');
  expect(await (await fetch(example.url)).text()).toContain('Counter on Fastify');
  const ada = await connect(`${example.webSocketUrl}/counter`, { origin: example.url });
  const bob = await connect(`${example.webSocketUrl}/counter`);
  expect([await take(ada, 1), await take(bob, 1)]).toEqual([['0'], ['0']]);
  ada.send('+1');
  expect([await take(ada, 1), await take(bob, 1)]).toEqual([['1'], ['1']]);
  expect(await (await fetch(`${example.url}/count`)).json()).toEqual({ count: 1 });
  expect(await example.stop()).toBe(0);
  expect(await ada.closed).toMatchObject({ code: 1001, clean: true });
});
