// What engines guarantee of leases, of calls, which run at most once, and of sessions.

import {
  ample,
  engineCase,
  type EngineContractCase,
  type EngineUnderTest,
  equal,
  NotedStream,
} from './contract-case.ts';

/** The cases of leases. */
export const leaseCases: readonly EngineContractCase[] = [
  engineCase('when a lease runs out, what its node owns is removed everywhere, and told', async (engine) => {
    const listener = new NotedStream();
    await twoOwners(engine, 4);
    await engine.nodes[1].subscribe('a', listener);
    await engine.advance(2 * engine.unitMs);
    equal('the keys before', await keys(engine, 'a'), ['of-1', 'of-2', 'of-nobody']);
    await engine.advance(10 * engine.unitMs);
    await engine.settle();
    equal('the keys after', await keys(engine, 'a'), ['of-2', 'of-nobody']);
    equal('the keys of another channel', await keys(engine, 'b'), ['of-2']);
    equal(
      'what was told',
      listener.entries.map(({ kind, name }) => [kind, name]),
      [['delete', 'of-1']],
    );
  }),

  engineCase('a lease that is released ends at once', async (engine) => {
    await twoOwners(engine, 1000);
    await engine.nodes[1].releaseLease('n1');
    await engine.nodes[1].releaseLease('never-heard-of');
    await engine.settle();
    equal('the keys', await keys(engine, 'a'), ['of-2', 'of-nobody']);
    equal('the keys of another channel', await keys(engine, 'b'), ['of-2']);
  }),

  engineCase('a lease that is renewed goes on, from the last time that it was said', async (engine) => {
    const { nodes, unitMs } = engine;
    await nodes[0].renewLease('n1', 8 * unitMs);
    await nodes[0].change('a', [{ key: 'x', value: '1', owner: 'n1' }], ample(engine));
    for (let turn = 0; turn < 6; turn++) {
      await engine.advance(4 * unitMs);
      equal('what the renewal found', await nodes[turn % 2].renewLease('n1', 8 * unitMs), 'renewed');
    }
    equal('the keys', await keys(engine, 'a'), ['x']);
    await engine.advance(16 * unitMs);
    await engine.settle();
    equal('the keys after the lease', await keys(engine, 'a'), []);
  }),

  engineCase('a node finds out that its lease had ended when it renews it', async (engine) => {
    const { nodes, unitMs } = engine;
    equal('the first time', await nodes[0].renewLease('n1', 4 * unitMs), 'begun');
    equal('in time', await nodes[1].renewLease('n1', 4 * unitMs), 'renewed');
    await engine.advance(12 * unitMs);
    equal('too late', await nodes[0].renewLease('n1', 4 * unitMs), 'begun');
    await nodes[0].releaseLease('n1');
    equal('after the release', await nodes[0].renewLease('n1', 4 * unitMs), 'begun');
  }),

  engineCase('what went over to another node stays when the lease of the first ends', async (engine) => {
    const { nodes, unitMs } = engine;
    await nodes[0].renewLease('n1', 1000 * unitMs);
    await nodes[1].renewLease('n2', 1000 * unitMs);
    const x = { key: 'x', value: '1' };
    await nodes[0].change(
      'a',
      [
        { ...x, owner: 'n1' },
        { key: 'y', value: '1', owner: 'n1' },
      ],
      ample(engine),
    );
    await nodes[1].change(
      'a',
      [
        { ...x, owner: 'n2' },
        { key: 'y', value: '2' },
      ],
      ample(engine),
    );
    await nodes[0].releaseLease('n1');
    await engine.settle();
    equal('the keys', await keys(engine, 'a'), ['x', 'y']);
    await nodes[1].releaseLease('n2');
    await engine.settle();
    equal('the keys after both', await keys(engine, 'a'), ['y']);
  }),
];

/** The cases of calls and sessions. */
export const recordCases: readonly EngineContractCase[] = [
  engineCase('only one of all who claim a call gets it, and the others hear who runs it', async (engine) => {
    const { nodes, unitMs } = engine;
    await nodes[0].renewLease('n1', 1000 * unitMs);
    await nodes[1].renewLease('n2', 1000 * unitMs);
    const claims = await Promise.all([
      nodes[0].claimCall('s', 'k', 'n1', 100 * unitMs),
      nodes[1].claimCall('s', 'k', 'n2', 100 * unitMs),
      nodes[0].claimCall('s', 'k', 'n1', 100 * unitMs),
    ]);
    const winner = claims.findIndex(({ kind }) => kind === 'claimed');
    const node = ['n1', 'n2', 'n1'][winner];
    equal(
      'the claims',
      claims,
      claims.map((_, index) => (index === winner ? { kind: 'claimed' } : { kind: 'running', node })),
    );
    equal('another id', await nodes[0].claimCall('s', 'other', 'n1', 100 * unitMs), { kind: 'claimed' });
    equal('another session', await nodes[0].claimCall('t', 'k', 'n1', 100 * unitMs), { kind: 'claimed' });
  }),

  engineCase('a number and its text are two ids', async (engine) => {
    const { nodes, unitMs } = engine;
    await nodes[0].renewLease('n1', 1000 * unitMs);
    await nodes[0].claimCall('s', 1, 'n1', 100 * unitMs);
    await nodes[0].completeCall('s', 1, '"number"', 100 * unitMs);
    equal('the text', await nodes[1].claimCall('s', '1', 'n1', 100 * unitMs), { kind: 'claimed' });
    await nodes[0].completeCall('s', '1', '"text"', 100 * unitMs);
    equal('the number', await nodes[1].claimCall('s', 1, 'n1', 100 * unitMs), {
      kind: 'completed',
      result: '"number"',
    });
  }),

  engineCase('calls that are forgotten can be claimed again, and no others', async (engine) => {
    const { nodes, unitMs } = engine;
    await nodes[0].renewLease('n1', 1000 * unitMs);
    for (const id of ['a', 2, 'c']) {
      await nodes[0].claimCall('s', id, 'n1', 100 * unitMs);
      await nodes[0].completeCall('s', id, '1', 100 * unitMs);
    }
    await nodes[0].forgetCalls('s', ['a', 2, 'none']);
    equal(
      'the claims',
      [
        await nodes[1].claimCall('s', 'a', 'n1', 100 * unitMs),
        await nodes[1].claimCall('s', 2, 'n1', 100 * unitMs),
        await nodes[1].claimCall('s', 'c', 'n1', 100 * unitMs),
      ],
      [{ kind: 'claimed' }, { kind: 'claimed' }, { kind: 'completed', result: '1' }],
    );
  }),

  engineCase('the result of a call is kept for those who ask again', async (engine) => {
    const { nodes, unitMs } = engine;
    await nodes[0].renewLease('n1', 1000 * unitMs);
    await nodes[0].claimCall('s', 'k', 'n1', 8 * unitMs);
    await engine.advance(5 * unitMs);
    await nodes[0].completeCall('s', 'k', '{"sum":3}', 8 * unitMs);
    await engine.advance(5 * unitMs);
    // The window of the claim is over, that of the result is not.
    equal('a later claim', await nodes[1].claimCall('s', 'k', 'n2', 8 * unitMs), {
      kind: 'completed',
      result: '{"sum":3}',
    });
  }),

  engineCase('a call whose node is gone is unknown, also when that node comes back', async (engine) => {
    const { nodes, unitMs } = engine;
    await nodes[0].renewLease('n1', 1000 * unitMs);
    await nodes[0].claimCall('s', 'k', 'n1', 1000 * unitMs);
    equal('a claim while it runs', await nodes[1].claimCall('s', 'k', 'n2', 1000 * unitMs), {
      kind: 'running',
      node: 'n1',
    });
    await nodes[0].releaseLease('n1');
    equal('a claim without the node', await nodes[1].claimCall('s', 'k', 'n2', 1000 * unitMs), {
      kind: 'unknown',
    });
    await nodes[0].renewLease('n1', 1000 * unitMs);
    equal('a claim with the node again', await nodes[1].claimCall('s', 'k', 'n2', 1000 * unitMs), {
      kind: 'unknown',
    });
    await nodes[0].completeCall('s', 'k', '1', 1000 * unitMs);
    equal('a claim after the result', await nodes[1].claimCall('s', 'k', 'n2', 1000 * unitMs), {
      kind: 'completed',
      result: '1',
    });
  }),

  engineCase('a call that a node without a lease claims is unknown to the next', async (engine) => {
    const { nodes, unitMs } = engine;
    equal('the first claim', await nodes[0].claimCall('s', 'k', 'n1', 100 * unitMs), { kind: 'claimed' });
    equal('the second claim', await nodes[1].claimCall('s', 'k', 'n2', 100 * unitMs), { kind: 'unknown' });
  }),

  engineCase('after its window a call is forgotten', async (engine) => {
    const { nodes, unitMs } = engine;
    await nodes[0].renewLease('n1', 1000 * unitMs);
    await nodes[0].claimCall('s', 'running', 'n1', 4 * unitMs);
    await nodes[0].claimCall('s', 'completed', 'n1', 4 * unitMs);
    await nodes[0].completeCall('s', 'completed', '1', 4 * unitMs);
    await engine.advance(12 * unitMs);
    for (const key of ['running', 'completed'])
      equal(`a claim of what was ${key}`, await nodes[1].claimCall('s', key, 'n1', 4 * unitMs), {
        kind: 'claimed',
      });
  }),

  engineCase(
    'a session is known to all nodes for its time, which begins anew when it is kept again',
    async (engine) => {
      const { nodes, unitMs } = engine;
      const session = { user: 'ann', secretHash: 'hash' };
      await nodes[0].keepSession('s', session, 8 * unitMs);
      equal('on another node', await nodes[1].session('s'), session);
      await engine.advance(5 * unitMs);
      await nodes[1].keepSession('s', { user: undefined, secretHash: 'other' }, 8 * unitMs);
      await engine.advance(5 * unitMs);
      equal('kept again', (await nodes[0].session('s'))?.secretHash, 'other');
      await engine.advance(12 * unitMs);
      equal('after its time', await nodes[0].session('s'), undefined);
    },
  ),

  engineCase('a session that was ended is known to nobody', async (engine) => {
    const { nodes, unitMs } = engine;
    await nodes[0].keepSession('s', { user: 'ann', secretHash: 'hash' }, 100 * unitMs);
    await nodes[0].keepSession('other', { user: 'ann', secretHash: 'hash' }, 100 * unitMs);
    await nodes[1].endSession('s');
    await nodes[1].endSession('never-heard-of');
    equal('the one that was ended', await nodes[0].session('s'), undefined);
    equal('the other', (await nodes[0].session('other'))?.user, 'ann');
  }),

  engineCase('all sessions of a user are ended at once, and nobody else is', async (engine) => {
    const { nodes, unitMs } = engine;
    await nodes[0].keepSession('one', { user: 'ann', secretHash: 'hash' }, 100 * unitMs);
    await nodes[1].keepSession('two', { user: 'ann', secretHash: 'hash' }, 100 * unitMs);
    await nodes[0].keepSession('bob', { user: 'bob', secretHash: 'hash' }, 100 * unitMs);
    await nodes[0].keepSession('nobody', { user: undefined, secretHash: 'hash' }, 100 * unitMs);
    await nodes[1].endSessionsOf('ann');
    await nodes[1].endSessionsOf('never-heard-of');
    for (const id of ['one', 'two']) equal(`session ${id}`, await nodes[0].session(id), undefined);
    for (const id of ['bob', 'nobody'])
      equal(`session ${id}`, (await nodes[1].session(id))?.secretHash, 'hash');
    await nodes[0].keepSession('one', { user: 'ann', secretHash: 'again' }, 100 * unitMs);
    equal('kept again', (await nodes[1].session('one'))?.secretHash, 'again');
  }),

  engineCase('a record of an earlier generation does not take the place of a later one', async (engine) => {
    const { nodes, unitMs } = engine;
    const session = { user: 'ann', secretHash: 'hash' };
    await nodes[0].keepSession('s', { ...session, generation: 2, data: '2' }, 100 * unitMs);
    await nodes[1].keepSession('s', { ...session, generation: 1, data: '1' }, 100 * unitMs);
    equal('the later', await nodes[1].session('s'), { ...session, generation: 2, data: '2' });
    await nodes[1].keepSession('s', { ...session, generation: 2, data: 'again' }, 100 * unitMs);
    equal('the same, kept again', (await nodes[0].session('s'))?.data, 'again');
    await nodes[1].keepSession('s', { ...session, generation: 3 }, 100 * unitMs);
    equal('the next', (await nodes[0].session('s'))?.generation, 3);
  }),
];

async function twoOwners(engine: EngineUnderTest, units: number): Promise<void> {
  const { nodes, unitMs } = engine;
  await nodes[0].renewLease('n1', units * unitMs);
  await nodes[1].renewLease('n2', 1000 * unitMs);
  const ofNobody = { key: 'of-nobody', value: '0' };
  await nodes[0].change('a', [{ key: 'of-1', value: '1', owner: 'n1' }, ofNobody], ample(engine));
  await nodes[1].change('a', [{ key: 'of-2', value: '2', owner: 'n2' }], ample(engine));
  await nodes[1].change('b', [{ key: 'of-1', value: '1', owner: 'n1' }], ample(engine));
  await nodes[1].change('b', [{ key: 'of-2', value: '2', owner: 'n2' }], ample(engine));
}

async function keys({ nodes }: EngineUnderTest, channel: string): Promise<string[]> {
  const { entries } = await nodes[0].map(channel);
  return entries.map(({ key }) => key).sort();
}
