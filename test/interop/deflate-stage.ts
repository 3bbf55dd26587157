// A stage for permessage-deflate: one role of a peer, running, and for each setting a connection to it that our side
// has opened or accepted with options of its own.

import type { DeflateSetting } from './deflate-settings.ts';
import { dial, OurServer, type Side } from './ours.ts';
import type { Peer, RunningServer } from './peer.ts';
import type { PeerEnd } from './scenario-player.ts';
import { Cleanup, nextId, setUp } from './stage.ts';

/** A connection on which a setting was agreed. */
export interface DeflateMeeting {
  readonly side: Side;
  readonly peer: PeerEnd;
}

/** Our side and one role of a peer. */
export interface DeflateStage {
  open(setting: DeflateSetting): Promise<DeflateMeeting>;
  /** What the peer complained of last. */
  complaint(): string;
  stop(): Promise<void>;
}

/** The peer is the client; each setting has a server of ours. */
export function peerAsDeflateClient(
  startClient: NonNullable<Peer['startClient']>,
  page: Peer['page'],
): Promise<DeflateStage> {
  return setUp(async (cleanup) => {
    // Only a browser needs it: its page has to come from somewhere.
    const home = await OurServer.listen(page === undefined ? {} : { page: await page() });
    cleanup.add(() => home.stop());
    const client = await startClient(undefined, `http://127.0.0.1:${home.port}`);
    cleanup.add(() => client.stop());
    return {
      async open({ ours, theirs }) {
        const server = await OurServer.listen({ perMessageDeflate: ours, isOpenToAll: true });
        cleanup.add(() => server.stop());
        const id = nextId();
        client.dial(id, `ws://127.0.0.1:${server.port}/echo/${id}`, [], theirs);
        await client.observations.next(id, 'open');
        return { side: await server.accepted(id), peer: { id, observations: client.observations } };
      },
      complaint: () => client.complaint(),
      stop: () => cleanup.run(),
    };
  });
}

/** The peer is the server; each setting has a client of ours, and what the peer is told a process of its own. */
export async function peerAsDeflateServer(
  startServer: NonNullable<Peer['startServer']>,
): Promise<DeflateStage> {
  const cleanup = new Cleanup();
  const servers = new Map<string, RunningServer>();
  return {
    async open({ ours, theirs }) {
      let server = servers.get(theirs);
      if (server === undefined) {
        const started = await startServer(undefined, theirs);
        cleanup.add(() => started.stop());
        servers.set(theirs, started);
        server = started;
      }
      const { observations, port } = server;
      const id = nextId();
      const side = await dial(`ws://127.0.0.1:${port}/echo/${id}`, { perMessageDeflate: ours });
      await observations.next(id, 'open');
      return { side, peer: { id, observations } };
    },
    complaint: () => [...servers.values()].map((server) => server.complaint()).join('\n'),
    stop: () => cleanup.run(),
  };
}
