// A stage: our side and one role of a peer, running, with a proxy between them where a test wants one. Each test
// opens a new connection on it.

import type { Observations } from './observations.ts';
import { dial, OurServer, type Side } from './ours.ts';
import type { Peer } from './peer.ts';
import type { Proxy } from './proxies.ts';
import type { PeerEnd } from './scenario-player.ts';
import { type Certificate, makeCertificate, temporaryFolder } from './workspace.ts';

/** The URL scheme that the client uses. */
export type Scheme = 'ws' | 'wss';

/** An open connection between our side and the peer. */
export interface Meeting {
  readonly side: Side;
  readonly peer: PeerEnd;
  /** The subprotocol as the peer sees it. */
  readonly peerProtocol: string | undefined;
}

/** Our side and a peer, running. */
export interface Stage {
  readonly observations: Observations;
  /** Opens a connection; `offered` are the subprotocols that the client offers. */
  open(offered?: string[]): Promise<Meeting>;
  /** What the peer complained of last. */
  complaint(): string;
  stop(): Promise<void>;
}

/** A stage on which the peer is the client. */
export interface PeerClientStage extends Stage {
  /** Lets the peer ask for a path of our server: one that echoes, or one that is refused with 403. */
  attempt(kind: 'echo' | 'refuse', offered?: string[]): { id: string; accepted: Promise<Side> };
}

/** A stage on which the peer is the server. */
export interface PeerServerStage extends Stage {
  /** Asks the peer for a path that it refuses with 403; gives what our client says then. */
  refusal(): Promise<unknown>;
}

let connections = 0;

/** A name for a connection that no other has. */
export function nextId(): string {
  connections += 1;
  return String(connections);
}

/** Things to end, the last first. */
export class Cleanup {
  readonly #steps: (() => Promise<void>)[] = [];

  add(step: () => Promise<void>): void {
    this.#steps.unshift(step);
  }

  async run(): Promise<void> {
    for (const step of this.#steps.splice(0)) await step();
  }
}

/** Sets up `build`, and takes down what it had set up when it fails. */
export async function setUp<T>(build: (cleanup: Cleanup) => Promise<T>): Promise<T> {
  const cleanup = new Cleanup();
  try {
    return await build(cleanup);
  } catch (error) {
    await cleanup.run();
    throw error;
  }
}

async function certificateFor(scheme: Scheme, cleanup: Cleanup): Promise<Certificate | undefined> {
  if (scheme === 'ws') return undefined;
  const folder = await temporaryFolder();
  cleanup.add(() => folder.remove());
  return makeCertificate(folder.path);
}

/** The peer is the client, our side the server. */
export function peerAsClient(
  startClient: NonNullable<Peer['startClient']>,
  scheme: Scheme,
  { page, proxy }: { page?: Peer['page']; proxy?: Proxy | undefined } = {},
): Promise<PeerClientStage> {
  return setUp(async (cleanup) => {
    const certificate = await certificateFor(scheme, cleanup);
    const server = await OurServer.listen({
      ...(proxy === undefined && certificate !== undefined ? { certificate } : {}),
      ...(page === undefined ? {} : { page: await page() }),
    });
    cleanup.add(() => server.stop());
    const front = proxy === undefined ? server : await proxy.start(server.port, { certificate });
    if (front !== server) cleanup.add(() => front.stop());
    const authority = `127.0.0.1:${front.port}`;
    const client = await startClient(certificate, `${scheme === 'ws' ? 'http' : 'https'}://${authority}`);
    cleanup.add(() => client.stop());
    const { observations } = client;
    const attempt: PeerClientStage['attempt'] = (kind, offered = []) => {
      const id = nextId();
      const accepted = server.accepted(id);
      client.dial(id, `${scheme}://${authority}/${kind}/${id}`, offered);
      return { id, accepted };
    };
    return {
      observations,
      attempt,
      async open(offered = []) {
        const { id, accepted } = attempt('echo', offered);
        const { protocol } = await observations.next(id, 'open');
        return { side: await accepted, peer: { id, observations }, peerProtocol: protocol };
      },
      complaint: () => client.complaint(),
      stop: () => cleanup.run(),
    };
  });
}

/** The peer is the server, our side the client. */
export function peerAsServer(
  startServer: NonNullable<Peer['startServer']>,
  scheme: Scheme,
  { proxy }: { proxy?: Proxy | undefined } = {},
): Promise<PeerServerStage> {
  return setUp(async (cleanup) => {
    const certificate = await certificateFor(scheme, cleanup);
    const server = await startServer(proxy === undefined ? certificate : undefined);
    cleanup.add(() => server.stop());
    const front = proxy === undefined ? server : await proxy.start(server.port, { certificate });
    if (front !== server) cleanup.add(() => front.stop());
    const trust = certificate === undefined ? {} : { certificate };
    const url = `${scheme}://127.0.0.1:${front.port}`;
    const { observations } = server;
    return {
      observations,
      async open(offered = []) {
        const id = nextId();
        const side = await dial(`${url}/echo/${id}`, { ...trust, protocols: offered });
        const { protocol } = await observations.next(id, 'open');
        return { side, peer: { id, observations }, peerProtocol: protocol };
      },
      refusal: () =>
        dial(`${url}/refuse/${nextId()}`, trust).then(
          () => undefined,
          (reason: unknown) => reason,
        ),
      complaint: () => server.complaint(),
      stop: () => cleanup.run(),
    };
  });
}
