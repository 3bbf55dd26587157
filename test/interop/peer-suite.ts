// The tests that every peer passes: for each role that it has and both schemes, the whole list of scenarios, the
// choice of a subprotocol, and a refusal.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openssl, type Peer, whenInstalled } from './peer.ts';
import type { Proxy } from './proxies.ts';
import { finish, play } from './scenario-player.ts';
import { isPossible, scenarios, titleOf } from './scenarios.ts';
import {
  peerAsClient,
  type PeerClientStage,
  peerAsServer,
  type PeerServerStage,
  type Stage,
} from './stage.ts';

/** A mebibyte through a slow peer on a busy machine is done long before this. */
const testTimeoutMs = 15_000;
/** The first run compiles the peer. */
const startTimeoutMs = 120_000;

/** Tests a peer, through a proxy when one is given. */
export function describePeer(peer: Peer, proxy?: Proxy): void {
  whenInstalled([peer, openssl, ...(proxy === undefined ? [] : [proxy])], () => {
    const way = proxy === undefined ? '' : ` through ${proxy.name}`;
    const { startClient, startServer, page } = peer;
    for (const scheme of ['ws', 'wss'] as const) {
      if (startClient !== undefined) {
        const start = (): Promise<PeerClientStage> => peerAsClient(startClient, scheme, { page, proxy });
        describeRole(`${peer.name} as client over ${scheme}${way}`, peer, start, expectClientHandshakes);
      }
      if (startServer !== undefined) {
        const start = (): Promise<PeerServerStage> => peerAsServer(startServer, scheme, { proxy });
        describeRole(`${peer.name} as server over ${scheme}${way}`, peer, start, expectServerHandshakes);
      }
    }
  });
}

function describeRole<T extends Stage>(
  name: string,
  peer: Peer,
  start: () => Promise<T>,
  describeHandshakes: (stage: () => T, peer: Peer) => void,
): void {
  describe(name, { timeout: testTimeoutMs }, () => {
    let running: T | undefined;
    const stage = (): T => {
      if (running === undefined) throw new Error(`${name} was not started`);
      return running;
    };
    beforeAll(async () => {
      running = await start();
    }, startTimeoutMs);
    afterAll(() => running?.stop());

    describeHandshakes(stage, peer);
    for (const scenario of scenarios) {
      if (!isPossible(scenario, peer.abilities)) continue;
      test(titleOf(scenario), async ({ onTestFailed }) => {
        onTestFailed(() => console.error(stage().complaint()));
        const meeting = await stage().open();
        await play(scenario, meeting.side, meeting.peer);
      });
    }
  });
}

function expectClientHandshakes(stage: () => PeerClientStage, peer: Peer): void {
  test('gets the subprotocol that our server likes best of those offered', async () => {
    const { side, peer: end, peerProtocol } = await stage().open(['nobody.v1', 'echo.v2', 'echo.v1']);
    expect({ ours: side.connection.protocol, theirs: peerProtocol }).toEqual({
      ours: 'echo.v1',
      theirs: 'echo.v1',
    });
    await finish(side, end);
  });

  test('gets no subprotocol when it offers none', () => expectNoSubprotocol(stage(), []));

  if (peer.abilities.insistsOnSubprotocol) {
    test('fails the connection itself when our server speaks none of the subprotocols offered', async () => {
      const { id, accepted } = stage().attempt('echo', ['nobody.v1']);
      const { connection } = await accepted;
      // Some say goodbye with a close frame, some just go.
      expect(['remote', 'transport']).toContain((await connection.closed).by);
      await expect(stage().observations.next(id, 'open')).rejects.toThrow('expected open');
    });
  } else {
    test('gets no subprotocol when our server speaks none of those offered', () =>
      expectNoSubprotocol(stage(), ['nobody.v1']));
  }

  if (peer.abilities.statuses) {
    test('is told the status with which our server refuses it', async () => {
      const { id } = stage().attempt('refuse');
      expect((await stage().observations.next(id, 'refused')).status).toBe(403);
    });
  }
}

function expectServerHandshakes(stage: () => PeerServerStage): void {
  test('chooses the subprotocol that both speak', async () => {
    const { side, peer: end, peerProtocol } = await stage().open(['nobody.v1', 'echo.v1']);
    expect({ ours: side.connection.protocol, theirs: peerProtocol }).toEqual({
      ours: 'echo.v1',
      theirs: 'echo.v1',
    });
    await finish(side, end);
  });

  test('chooses no subprotocol when our client offers none', () => expectNoSubprotocol(stage(), []));

  test('refuses our client, which is told the status and the body', async () => {
    const error = await stage().refusal();
    expect(error).toMatchObject({ name: 'HandshakeError', code: 'WS_HANDSHAKE_REFUSED', status: 403 });
    expect(error).toHaveProperty('body', expect.stringContaining('not here'));
  });
}

async function expectNoSubprotocol(stage: Stage, offered: string[]): Promise<void> {
  const { side, peer, peerProtocol } = await stage.open(offered);
  expect({ ours: side.connection.protocol, theirs: peerProtocol }).toEqual({ ours: '', theirs: '' });
  await finish(side, peer);
}
