// What engines guarantee of appending, of broadcasting, and of telling those who are subscribed.

import {
  ample,
  engineCase,
  type EngineContractCase,
  equal,
  fail,
  message,
  NotedStream,
} from './contract-case.ts';

/** The cases of `append`, `broadcast`, `subscribe` and `unsubscribe`. */
export const appendCases: readonly EngineContractCase[] = [
  engineCase('an append gives the next offset, a random id, and the epoch of the stream', async (engine) => {
    const before = await engine.nodes[0].head('a');
    const ids = new Set<string>();
    for (let offset = 1; offset <= 20; offset++) {
      const { position, isRepeated } = await engine.nodes[0].append('a', message(engine, offset));
      equal('the offset', position.offset, offset);
      equal('the epoch', position.epoch, before.epoch);
      equal('isRepeated', isRepeated, false);
      if (!/^[\w-]{4,64}$/.test(position.id))
        fail('the id', position.id, '4 characters of base64url or more');
      ids.add(position.id);
    }
    equal('the number of different ids', ids.size, 20);
  }),

  engineCase('after an append has resolved, a read on another node finds the entry whole', async (engine) => {
    const start = await engine.nodes[1].head('a');
    const data = JSON.stringify({ text: 'ü€😀 "\\ \u2028\u0000', list: [null, 1e300] });
    const { position } = await engine.nodes[0].append('a', {
      name: 'message',
      data,
      user: 'ann',
      exceptSession: 's1',
      retention: ample(engine),
    });
    const read = await engine.nodes[1].read('a', start, 10);
    if (read.kind !== 'read') fail('the read', read, 'the entry');
    equal('the number of entries', read.entries.length, 1);
    const [entry] = read.entries;
    if (typeof entry.atMs !== 'number' || entry.atMs <= 0) fail('atMs', entry.atMs, 'a time of day');
    equal('the entries', read.entries, [
      {
        kind: 'publication',
        offset: 1,
        id: position.id,
        name: 'message',
        data,
        user: 'ann',
        exceptSession: 's1',
        atMs: entry.atMs,
      },
    ]);
    equal('the head', read.head, position);
  }),

  engineCase('the same idempotency key appends once, also on two nodes at the same time', async (engine) => {
    const listener = new NotedStream();
    await engine.nodes[0].subscribe('a', listener);
    const idempotency = { key: 'k', windowMs: 1000 * engine.unitMs };
    const request = message(engine, 1, { idempotency });
    const all = await Promise.all([
      engine.nodes[0].append('a', request),
      engine.nodes[1].append('a', request),
      engine.nodes[0].append('a', request),
    ]);
    const later = await engine.nodes[1].append('a', request);
    await engine.settle();
    for (const { position } of [...all, later]) equal('the position', position, all[0].position);
    equal('how many say that they were first', all.filter(({ isRepeated }) => !isRepeated).length, 1);
    equal('isRepeated later', later.isRepeated, true);
    equal('what was told', listener.data, ['1']);
    equal('the head', (await engine.nodes[0].head('a')).offset, 1);
  }),

  engineCase('an idempotency key counts on its own channel and within its window only', async (engine) => {
    const { unitMs, nodes } = engine;
    const request = message(engine, 1, { idempotency: { key: 'k', windowMs: 4 * unitMs } });
    await nodes[0].append('a', request);
    equal('isRepeated on another channel', (await nodes[0].append('b', request)).isRepeated, false);
    await engine.advance(unitMs);
    equal('isRepeated within the window', (await nodes[0].append('a', request)).isRepeated, true);
    await engine.advance(8 * unitMs);
    equal('isRepeated after the window', (await nodes[0].append('a', request)).isRepeated, false);
  }),

  engineCase('appends at the same time get one order, which every node is told', async (engine) => {
    const listeners = [new NotedStream(), new NotedStream()];
    const start = await engine.nodes[0].head('a');
    for (const [index, node] of engine.nodes.entries()) await node.subscribe('a', listeners[index]);
    const appends = Array.from({ length: 40 }, (_, number) =>
      engine.nodes[number % 2].append('a', message(engine, number)),
    );
    const offsets = (await Promise.all(appends)).map(({ position }) => position.offset);
    await engine.settle();
    equal(
      'the offsets',
      offsets.toSorted((a, b) => a - b),
      Array.from({ length: 40 }, (_, index) => index + 1),
    );
    const read = await engine.nodes[1].read('a', start, 100);
    if (read.kind !== 'read') fail('the read', read, 'all entries');
    for (const listener of listeners) equal('what a node was told', listener.entries, read.entries);
  }),

  engineCase('a broadcast is told in the order of the calls, and leaves no trace', async (engine) => {
    const listeners = [new NotedStream(), new NotedStream()];
    for (const [index, node] of engine.nodes.entries()) await node.subscribe('a', listeners[index]);
    const before = await engine.nodes[0].head('a');
    for (let number = 0; number < 10; number++) {
      const data = String(number);
      await engine.nodes[0].broadcast('a', { name: 'move', data, user: 'ann', exceptSession: 's1' });
    }
    await engine.settle();
    for (const { events, channels, entries } of listeners) {
      equal(
        'what was heard',
        events,
        events.map(({ atMs }, number) => ({
          name: 'move',
          data: String(number),
          user: 'ann',
          exceptSession: 's1',
          atMs,
        })),
      );
      equal('how many were heard', events.length, 10);
      for (const { atMs } of events) if (!(atMs > 0)) fail('atMs', atMs, 'a time of day');
      equal('the channels', new Set(channels).size, 1);
      equal('the entries', entries, []);
    }
    equal('the head', await engine.nodes[0].head('a'), before);
  }),

  engineCase(
    'when a subscription has resolved, everything that is appended later is told',
    async (engine) => {
      const listener = new NotedStream();
      await engine.nodes[0].append('a', message(engine, 'before'));
      await engine.settle();
      await engine.nodes[0].subscribe('a', listener);
      // Nobody waits: what is appended in the very moment counts too.
      const append = engine.nodes[1].append('a', message(engine, 'after'));
      const { position } = await append;
      await engine.nodes[1].append('b', message(engine, 'elsewhere'));
      await engine.settle();
      equal(
        'what was told',
        listener.data.filter((data) => data !== '"before"'),
        ['"after"'],
      );
      equal('the epoch', [...listener.epochs], [position.epoch]);
      equal('the channels', [...new Set(listener.channels)], ['a']);
    },
  ),

  engineCase(
    'a listener that was subscribed twice is told once, and nothing after it is unsubscribed',
    async (engine) => {
      const [listener, other] = [new NotedStream(), new NotedStream()];
      const node = engine.nodes[0];
      await node.subscribe('a', listener);
      await node.subscribe('a', listener);
      await node.subscribe('a', other);
      await node.append('a', message(engine, 1));
      await engine.settle();
      node.unsubscribe('a', listener);
      node.unsubscribe('nothing', listener);
      await node.append('a', message(engine, 2));
      await node.broadcast('a', { name: 'move', data: '3' });
      await engine.settle();
      equal('what the one was told', [listener.data, listener.events.length], [['1'], 0]);
      equal('what the other was told', [other.data, other.events.length], [['1', '2'], 1]);
    },
  ),

  engineCase(
    'a listener that throws takes nothing from the others, nor from whoever appends',
    async (engine) => {
      const other = new NotedStream();
      const broken = new NotedStream();
      broken.appended = () => {
        throw new Error('thrown by a listener, for the contract of engines');
      };
      await engine.nodes[0].subscribe('a', broken);
      await engine.nodes[0].subscribe('a', other);
      await engine.nodes[0].append('a', message(engine, 1));
      await engine.nodes[0].append('a', message(engine, 2));
      await engine.settle();
      equal('what the other was told', other.data, ['1', '2']);
    },
  ),

  engineCase('any name of a channel is a channel of its own', async (engine) => {
    const names = [
      'a',
      'A',
      'a b',
      'a.b',
      'a.*',
      'a.>',
      '{a}',
      '{a}b',
      'a:b',
      '$state:a',
      'a\u0308',
      '\u00e4',
      '😀',
      '*',
      '>',
    ];
    names.push('__proto__', 'a\\b', 'a/b', 'a%20b', 'x'.repeat(255));
    const listeners = new Map(names.map((name) => [name, new NotedStream()]));
    for (const [name, listener] of listeners) await engine.nodes[0].subscribe(name, listener);
    for (const name of names) await engine.nodes[1].append(name, message(engine, name));
    await engine.settle();
    for (const [name, listener] of listeners) {
      equal(`what was told on ${name}`, listener.data, [JSON.stringify(name)]);
      const { entries } = await engine.nodes[0].history(name, undefined, 10);
      equal(
        `the history of ${name}`,
        entries.map(({ data }) => data),
        [JSON.stringify(name)],
      );
    }
  }),
];
