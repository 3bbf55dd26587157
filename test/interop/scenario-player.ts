// Plays one scenario: our side leads, the peer echoes, obeys, and reports what it saw. What is asserted is what
// both saw.

import { expect } from 'vitest';
import type { Message, Side } from './ours.ts';
import type { Observation, Observations } from './observations.ts';
import { factsOf, joined, payloadOf } from './payload.ts';
import type { Scenario } from './scenarios.ts';

/** The peer's end of the connection that a scenario is played on. */
export interface PeerEnd {
  readonly id: string;
  readonly observations: Observations;
}

/** Plays a scenario on an open connection, to its end. */
export async function play(scenario: Scenario, side: Side, peer: PeerEnd): Promise<void> {
  switch (scenario.kind) {
    case 'echo':
      await side.connection.send(payloadOf(scenario.type, scenario.bytes));
      await expectEcho(payloadOf(scenario.type, scenario.bytes), side, peer);
      break;
    case 'fragments sent': {
      const pieces = scenario.pieces.map((bytes) => payloadOf(scenario.type, bytes));
      await sendPieces(pieces, side);
      await expectEcho(joined(pieces), side, peer);
      break;
    }
    case 'fragments received': {
      await side.connection.send(`!fragments ${scenario.count}`);
      await side.connection.send(payloadOf(scenario.type, scenario.bytes));
      await expectEcho(payloadOf(scenario.type, scenario.bytes), side, peer);
      expect(side.dataFramesReceived).toBeGreaterThan(1);
      break;
    }
    case 'ping sent':
      side.connection.ping(scenario.payload);
      expect(await side.nextPong()).toBe(scenario.payload);
      break;
    case 'ping received':
      await side.connection.send(`!ping ${scenario.payload}`);
      expect(await side.nextPing()).toBe(scenario.payload);
      expect((await peer.observations.next(peer.id, 'pong')).payload).toBe(scenario.payload);
      break;
    case 'ping between fragments':
      await side.connection.sendFragment('before ', { fin: false });
      side.connection.ping(scenario.payload);
      // The pong is here before the message is complete: it did not wait for it.
      expect(await side.nextPong()).toBe(scenario.payload);
      await side.connection.sendFragment('after', { fin: true });
      await expectEcho('before after', side, peer);
      break;
    case 'many at once': {
      const messages = Array.from({ length: scenario.count }, (_, at) => `message ${at}`);
      for (const message of messages) await side.connection.send(message);
      for (const message of messages) expect(await side.nextMessage()).toBe(message);
      for (const message of messages) await expectReport(factsOf(message), peer);
      break;
    }
    case 'last words': {
      const messages = Array.from({ length: scenario.count }, (_, at) => `word ${at}`);
      for (const message of [...messages, '!close 1000 done']) await side.connection.send(message);
      expect(await side.connection.closed).toMatchObject({ code: 1000, reason: 'done', clean: true });
      for (const message of messages) expect(await side.nextMessage()).toBe(message);
      for (const message of messages) await expectReport(factsOf(message), peer);
      await peer.observations.next(peer.id, 'close');
      return;
    }
    case 'we close': {
      const info = await side.connection.close(scenario.code, scenario.reason);
      expect(info).toMatchObject({ code: scenario.code, reason: scenario.reason, clean: true, by: 'local' });
      expect(await side.connection.closed).toBe(info);
      const { code, reason, wasClean = true } = await peer.observations.next(peer.id, 'close');
      expect({ code, reason, wasClean }).toEqual({
        code: scenario.code,
        reason: scenario.reason,
        wasClean: true,
      });
      return;
    }
    case 'peer closes': {
      await side.connection.send(`!close ${scenario.code} ${scenario.reason}`);
      const info = await side.connection.closed;
      expect(info).toMatchObject({ code: scenario.code, reason: scenario.reason, clean: true, by: 'remote' });
      expect(side.connection.peerClose).toEqual({ code: scenario.code, reason: scenario.reason });
      // RFC 6455 5.5.1: the answer to a close frame typically echoes its code.
      expect((await peer.observations.next(peer.id, 'close')).code).toBe(scenario.code);
      return;
    }
  }
  await finish(side, peer);
}

/** Ends a connection that is still open, and hears from the peer that it ended well. */
export async function finish(side: Side, peer: PeerEnd): Promise<Observation> {
  expect(await side.connection.close(1000, 'done')).toMatchObject({ code: 1000, clean: true });
  const closed = await peer.observations.next(peer.id, 'close');
  expect(closed.code).toBe(1000);
  return closed;
}

async function sendPieces(pieces: readonly Message[], side: Side): Promise<void> {
  for (const [at, piece] of pieces.entries()) {
    await side.connection.sendFragment(piece, { fin: at === pieces.length - 1 });
  }
}

/** The message that was sent reached the peer, and its echo us. */
export async function expectEcho(sent: Message, side: Side, peer: PeerEnd): Promise<void> {
  const facts = factsOf(sent);
  await expectReport(facts, peer);
  const echoed = await side.nextMessage();
  // Digests first: a difference in a mebibyte is not readable.
  expect(factsOf(echoed)).toEqual(facts);
  if (typeof echoed !== 'string') expect(Object.getPrototypeOf(echoed)).toBe(Uint8Array.prototype);
}

/** The peer reports this message next. */
async function expectReport(facts: ReturnType<typeof factsOf>, peer: PeerEnd): Promise<void> {
  const { type, bytes, sha256 } = await peer.observations.next(peer.id, 'message');
  expect({ type, bytes, sha256 }).toEqual(facts);
}
