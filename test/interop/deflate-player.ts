// Plays a conversation over permessage-deflate: every size, both types, compressed and not, in a mixed order and without
// waiting in between, then fragments. What is asserted is what both sides saw and what went over the wire.

import { expect } from 'vitest';
import { type Agreed, agreedBy, type DeflateAbilities, type DeflateSetting } from './deflate-settings.ts';
import type { Message, Side } from './ours.ts';
import { binaryOf, factsOf, numbersFrom, phrasesOfBytes, recordsOfBytes } from './payload.ts';
import { expectEcho, finish, type PeerEnd } from './scenario-player.ts';
import type { Abilities } from './scenarios.ts';
import type { WireMessage } from './wire.ts';

/** Which role the peer has. */
export type PeerRole = 'asClient' | 'asServer';

/** What a conversation needs to know of the peer. */
export interface Partner {
  readonly role: PeerRole;
  readonly deflate: DeflateAbilities;
  readonly allowsControlBetweenFragments: boolean;
  readonly fragments: Abilities['fragments'];
}

/** Our threshold where the options do not say another. */
const thresholdBytes = 1024;
/** From here on every peer compresses what it echoes, whatever threshold it has. */
const certainBytes = 4096;

/** Plays a setting on an open connection, to its end. */
export async function playDeflated(
  setting: DeflateSetting,
  partner: Partner,
  side: Side,
  peer: PeerEnd,
): Promise<void> {
  expectAgreement(setting, partner.role, side.connection.extensions);
  const { agreed } = setting;
  await expectConversation(setting, partner, side, peer);
  await expectFragments(partner, agreed !== undefined, side, peer);
  if (agreed !== undefined) {
    await expectTakeover(partner, agreed, side, peer);
    await expectWindow(partner.role, agreed, side, peer);
  }
  await finish(side, peer);
}

/** What the header says has to be what the setting wants, as far as it is said there. */
function expectAgreement({ ours, theirs, agreed }: DeflateSetting, role: PeerRole, extensions: string): void {
  const said = agreedBy(extensions);
  if (said === undefined || agreed === undefined) {
    expect({ extensions, agreed }).toEqual({ extensions: '', agreed: undefined });
    return;
  }
  const options = typeof ours === 'boolean' ? {} : ours;
  if (role === 'asClient') {
    // Our server uses a smaller window without saying so when the client did not ask.
    const isAsked = theirs.includes('server_max_window_bits');
    const windowBits = isAsked ? agreed.server.windowBits : 15;
    expect(said, extensions).toEqual({ ...agreed, server: { ...agreed.server, windowBits } });
  } else {
    expect(said.server, extensions).toEqual(agreed.server);
    // A server need not repeat what our client promises.
    expect(agreed.client, extensions).toEqual({
      takesOver: said.client.takesOver && options.clientNoContextTakeover === false,
      windowBits: Math.min(said.client.windowBits, options.clientMaxWindowBits ?? 15),
    });
  }
}

interface Step {
  readonly data: Message;
  readonly bytes: number;
  /** Where this is false the peer is told to echo it uncompressed as well, if it can be told. */
  readonly compress: boolean | undefined;
  /** Whether compressing it must save something. */
  readonly isRedundant: boolean;
}

// 200 KiB takes our side's way off the event loop; what follows must not overtake it.
const everyWish = [undefined, true, false];
const smallSizes = { 1: everyWish, 100: everyWish, 4096: everyWish };
const quickSteps = stepsOf({ ...smallSizes, 204_800: [undefined] });
const thoroughSteps = stepsOf({ ...smallSizes, 204_800: everyWish, 1_048_576: [undefined, false] });

async function expectConversation(
  { agreed, isThorough }: DeflateSetting,
  { deflate }: Partner,
  side: Side,
  peer: PeerEnd,
): Promise<void> {
  const steps = isThorough ? thoroughSteps : quickSteps;
  const canBePlain = deflate.canSendPlain;
  const firstSent = side.wireSent.length;
  const firstReceived = side.wireReceived.length;
  for (const { data, compress } of steps) {
    if (canBePlain && compress === false) void side.connection.send('!plain', { compress });
    void side.connection.send(data, compress === undefined ? {} : { compress });
  }
  for (const { data } of steps) await expectEcho(data, side, peer);
  const echoes = side.wireReceived.slice(firstReceived);
  const sent = side.wireSent.slice(firstSent).filter(({ bytes }) => bytes !== '!plain'.length);
  for (const [at, step] of steps.entries()) {
    const { bytes } = step;
    const isOurs = agreed !== undefined && (step.compress ?? bytes >= thresholdBytes);
    expectWire(sent[at], { isCompressed: isOurs, bytes, isRedundant: step.isRedundant });
    const isTheirs = agreed !== undefined && !(canBePlain && step.compress === false);
    if (!isTheirs) expectWire(echoes[at], { isCompressed: false, bytes, isRedundant: false });
    else if (step.isRedundant) expectWire(echoes[at], { isCompressed: true, bytes, isRedundant: true });
  }
}

function expectWire(
  seen: WireMessage | undefined,
  { isCompressed, bytes, isRedundant }: { isCompressed: boolean; bytes: number; isRedundant: boolean },
): void {
  expect(seen).toMatchObject(isCompressed ? { isCompressed } : { isCompressed, bytes });
  if (isCompressed && isRedundant) expect(seen?.bytes).toBeLessThan(bytes * 0.9);
}

/** Texts and bytes of these sizes, each with these wishes, and some that nothing compresses, in a mixed order. */
function stepsOf(wishesOfSizes: Readonly<Record<number, readonly Step['compress'][]>>): Step[] {
  const steps: Step[] = [];
  for (const [size, wishes] of Object.entries(wishesOfSizes)) {
    const bytes = Number(size);
    for (const compress of wishes) {
      const seed = steps.length;
      const isRedundant = bytes >= certainBytes;
      steps.push({ data: phrasesOfBytes(bytes, seed), bytes, compress, isRedundant });
      steps.push({ data: recordsOfBytes(bytes, seed + 1), bytes, compress, isRedundant });
    }
  }
  for (const bytes of [4096, 204_800]) {
    steps.push({ data: binaryOf(bytes, bytes), bytes, compress: true, isRedundant: false });
  }
  const next = numbersFrom(7692);
  for (let at = steps.length - 1; at > 0; at--) {
    const other = next() % (at + 1);
    [steps[at], steps[other]] = [steps[other], steps[at]];
  }
  return steps;
}

async function expectFragments(
  { allowsControlBetweenFragments, fragments }: Partner,
  isAgreed: boolean,
  side: Side,
  peer: PeerEnd,
): Promise<void> {
  for (const compress of [true, false]) {
    const pieces = [1000, 0, 5000, 70_000, 10].map((bytes, at) => phrasesOfBytes(bytes, 100 + at));
    const mayPing = allowsControlBetweenFragments || !compress || !isAgreed;
    const at = side.wireSent.length;
    for (const [number, piece] of pieces.entries()) {
      const fin = number === pieces.length - 1;
      await side.connection.sendFragment(piece, { fin, compress });
      if (fin || !mayPing) continue;
      side.connection.ping(`ping ${number}`);
      // The pong is here before the message is complete: the ping came between its fragments.
      expect(await side.nextPong()).toBe(`ping ${number}`);
    }
    const data = pieces.join('');
    await expectEcho(data, side, peer);
    const isCompressed = compress && isAgreed;
    expectWire(side.wireSent[at], { isCompressed, bytes: factsOf(data).bytes, isRedundant: true });
    expect(side.wireSent[at]?.frames).toBe(pieces.length);
  }
  if (fragments === 'none') return;
  // 'large' is a buffer of 4 KiB, which the compressed message has to fill several times.
  const data = phrasesOfBytes(204_800, 200);
  await side.connection.send('!fragments 8', { compress: false });
  await side.connection.send(data);
  const at = side.wireReceived.length;
  await expectEcho(data, side, peer);
  expectWire(side.wireReceived[at], { isCompressed: isAgreed, bytes: 204_800, isRedundant: true });
  expect(side.wireReceived[at]?.frames).toBeGreaterThan(1);
}

/** What does not compress becomes small the second time exactly when its compressor takes over. */
async function expectTakeover(
  { role, deflate }: Partner,
  agreed: Agreed,
  side: Side,
  peer: PeerEnd,
): Promise<void> {
  const windowBits = Math.min(agreed.server.windowBits, agreed.client.windowBits);
  const data = binaryOf(Math.min(2000, 2 ** windowBits / 2 - 10), 1);
  const sentAt = side.wireSent.length;
  const receivedAt = side.wireReceived.length;
  for (let time = 0; time < 2; time++) {
    await side.connection.send(data, { compress: true });
    await expectEcho(data, side, peer);
  }
  const [ours, theirs] =
    role === 'asClient' ? (['server', 'client'] as const) : (['client', 'server'] as const);
  const isSmall = (message: WireMessage | undefined): boolean => (message?.bytes ?? 0) < data.length / 2;
  expect({
    ours: isSmall(side.wireSent[sentAt + 1]),
    theirs: isSmall(side.wireReceived[receivedAt + 1]),
  }).toEqual({
    ours: agreed[ours].takesOver,
    theirs: agreed[theirs].takesOver && data.length >= deflate.thresholdBytes,
  });
}

/** Our compressor uses its window, and nothing beyond it. */
async function expectWindow(role: PeerRole, agreed: Agreed, side: Side, peer: PeerEnd): Promise<void> {
  const { windowBits } = agreed[role === 'asClient' ? 'server' : 'client'];
  const windowBytes = 2 ** windowBits;
  for (const [distance, isFound] of [
    [windowBytes / 2 - 10, true],
    [windowBytes + 1, false],
  ] as const) {
    const once = binaryOf(distance, distance);
    const data = new Uint8Array(Buffer.concat([once, once]));
    const at = side.wireSent.length;
    await side.connection.send(data, { compress: true });
    await expectEcho(data, side, peer);
    const seen = side.wireSent[at]?.bytes ?? 0;
    if (isFound) expect(seen, `${distance} back`).toBeLessThan(data.length * 0.75);
    else expect(seen, `${distance} back`).toBeGreaterThan(data.length * 0.99);
  }
}
