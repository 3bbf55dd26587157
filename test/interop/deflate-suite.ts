// The tests of permessage-deflate with a peer: for each of its roles, every setting that it can play.

import { afterAll, beforeAll, describe, test } from 'vitest';
import { playDeflated, type PeerRole } from './deflate-player.ts';
import {
  type DeflateAbilities,
  type DeflateSetting,
  settingsOfClient,
  settingsOfServer,
} from './deflate-settings.ts';
import { type DeflateStage, peerAsDeflateClient, peerAsDeflateServer } from './deflate-stage.ts';
import { type Peer, whenInstalled } from './peer.ts';

/** A few mebibytes through a slow peer on a busy machine are done long before this. */
const testTimeoutMs = 20_000;
/** The first run compiles the peer. */
const startTimeoutMs = 120_000;

/** Tests a peer that has permessage-deflate. */
export function describeDeflate(peer: Peer): void {
  const { startClient, startServer, page, deflate } = peer;
  if (deflate === undefined) throw new Error(`${peer.name} has no permessage-deflate`);
  whenInstalled([peer], () => {
    if (startClient !== undefined && deflate.asClient !== undefined) {
      const start = (): Promise<DeflateStage> => peerAsDeflateClient(startClient, page);
      describeRole(peer, 'asClient', deflate.asClient, settingsOfClient(deflate.asClient), start);
    }
    if (startServer !== undefined && deflate.asServer !== undefined) {
      const start = (): Promise<DeflateStage> => peerAsDeflateServer(startServer);
      describeRole(peer, 'asServer', deflate.asServer, settingsOfServer(deflate.asServer), start);
    }
  });
}

function describeRole(
  { name, abilities, deflate: whole }: Peer,
  role: PeerRole,
  deflate: DeflateAbilities,
  settings: readonly DeflateSetting[],
  start: () => Promise<DeflateStage>,
): void {
  describe(`${name} as ${role === 'asClient' ? 'client' : 'server'} with permessage-deflate`, () => {
    const partner = {
      role,
      deflate,
      fragments: abilities.fragments,
      allowsControlBetweenFragments: whole?.allowsControlBetweenFragments ?? true,
    };
    let stage: DeflateStage;
    beforeAll(async () => {
      stage = await start();
    }, startTimeoutMs);
    afterAll(() => stage?.stop());

    for (const setting of settings) {
      test(`understands and is understood when ${setting.title}`, { timeout: testTimeoutMs }, async ({
        onTestFailed,
      }) => {
        onTestFailed(() => console.error(stage.complaint()));
        const { side, peer } = await stage.open(setting);
        await playDeflated(setting, partner, side, peer);
      });
    }
  });
}
