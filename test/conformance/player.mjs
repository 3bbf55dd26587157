// Plays one case over one connection and says what was wrong with the testee's answer, in one line, or nothing. A case
// passes or fails; there is no verdict in between, and what RFC 6455 says about closing with SHOULD counts like a MUST.

import { fragments } from './cases/vocabulary.mjs';
import { Opcode, rsv1 } from './frames.mjs';

/** @typedef {import('./frames.mjs').WireEvent} WireEvent */
/** @typedef {import('./cases/vocabulary.mjs').Case} Case */
/** @typedef {import('./cases/vocabulary.mjs').Step} Step */
/** @typedef {import('./wire-peer.mjs').WirePeer} WirePeer */
/** @typedef {import('./wire-peer.mjs').Role} Role */

/** How long a client that closes in order must leave the end of TCP to the server (RFC 6455 7.1.1). */
const clientPatienceMs = 40;

/** Thrown by a step to end the case with its finding. */
class Finding extends Error {}

/** The finding that the testee did not react at all. */
class Silence extends Finding {
  /** @param {string} expected @param {number} deadlineMs */
  constructor(expected, deadlineMs) {
    super(`expected ${expected}, saw nothing within ${deadlineMs} ms`);
  }
}

/** @typedef {{ finding: string | undefined, isSilent: boolean }} Judgement A finding of undefined means: passed. */

/**
 * @param {Case} testCase @param {WirePeer} peer @param {Role} role @param {number} deadlineMs
 * @returns {Promise<Judgement>}
 */
export async function playCase(testCase, peer, role, deadlineMs) {
  try {
    const expected = /** @type {WireEvent[]} */ ([]);
    judgeAgreement(testCase, peer);
    for (const step of testCase.script(peer.compression?.sentWindowBits))
      await playStep(step, peer, expected, testCase, deadlineMs);
    if (testCase.opening?.outcome === 'refused') {
      await judgeRefusal(peer, deadlineMs);
    } else {
      await judgeClose(testCase, peer, expected, deadlineMs);
      await judgeTcpEnd(testCase, peer, role, deadlineMs);
    }
    return { finding: undefined, isSilent: false };
  } catch (error) {
    if (error instanceof Finding) return { finding: error.message, isSilent: error instanceof Silence };
    throw error;
  } finally {
    peer.destroy();
  }
}

/** @param {Case} testCase @param {WirePeer} peer */
function judgeAgreement({ opening }, { compression }) {
  if (opening?.keepsContext === undefined || compression?.keepsContext === opening.keepsContext) return;
  const [wanted, seen] = opening.keepsContext ? ['allow', 'forbids'] : ['forbid', 'allows'];
  throw new Finding(`the testee is set up to ${wanted} context takeover and ${seen} it`);
}

/** @param {Step} step @param {WirePeer} peer @param {WireEvent[]} expected @param {Case} testCase @param {number} deadlineMs */
async function playStep(step, peer, expected, testCase, deadlineMs) {
  if ('send' in step) {
    const isClosing = step.send.some((frame) => frame.opcode === Opcode.close);
    if (isClosing && !peer.hasSentClose && peer.isOver)
      throw new Finding(`the testee ended by itself: ${lastWords(peer)}`);
    await peer.send(step.send, step);
  } else if ('deflate' in step) {
    if (peer.compression === undefined)
      throw new Error(`case ${testCase.id} compresses without an agreement`);
    const bytes = await peer.compression.compress(step.deflate);
    await peer.send(fragments(step.kind, bytes, step.fragmentBytes ?? bytes.length, rsv1), {});
  } else if ('sendPartOf' in step) {
    peer.sendPart(step.sendPartOf, step.fromByte, step.toByte);
  } else if ('expect' in step) {
    expected.push(...step.expect);
    await peer.until(() => peer.events.length >= expected.length || peer.isOver, deadlineMs);
    compareEvents(peer, expected, deadlineMs);
  } else if ('quietMs' in step) {
    const heard = await peer.until(() => peer.events.length > expected.length || peer.isOver, step.quietMs);
    if (heard) throw new Finding(`too early: ${testCase.sends}: ${lastWords(peer)}`);
  } else {
    const isFailed = await peer.until(() => peer.isOver, deadlineMs);
    if (!isFailed) throw new Silence(`the failure ${step.failureAfter}`, deadlineMs);
  }
}

/**
 * Compares what came with what was expected, and is done with both when all of it is as expected.
 * @param {WirePeer} peer @param {WireEvent[]} expected @param {number} deadlineMs
 */
function compareEvents(peer, expected, deadlineMs) {
  if (peer.violation !== undefined) throw new Finding(`the testee sent ${peer.violation}`);
  for (let index = 0; index < Math.max(expected.length, peer.events.length); index += 1) {
    const wanted = expected[index];
    const seen = peer.events[index];
    if (wanted === undefined) throw new Finding(`expected nothing more, saw ${describeEvent(seen)}`);
    if (seen === undefined) {
      if (!peer.isOver) throw new Silence(describeEvent(wanted), deadlineMs);
      throw new Finding(`expected ${describeEvent(wanted)}, saw ${lastWords(peer)}`);
    }
    if (seen.kind !== wanted.kind || !seen.payload.equals(wanted.payload)) {
      throw new Finding(
        `expected ${describeEvent(wanted)}, saw ${describeEvent(seen)}${firstDifference(wanted, seen)}`,
      );
    }
    if (wanted.isCompressed !== undefined && seen.isCompressed !== wanted.isCompressed) {
      const [want, saw] = wanted.isCompressed ? ['compressed', 'plain'] : ['plain', 'compressed'];
      throw new Finding(`expected ${describeEvent(wanted)} to come ${want}, it came ${saw}`);
    }
  }
  expected.length = 0;
  peer.events.length = 0;
}

/**
 * A client that fails the handshake sends no message; a Close it may send or not (RFC 6455 7.1.7).
 * @param {WirePeer} peer @param {number} deadlineMs
 */
async function judgeRefusal(peer, deadlineMs) {
  await peer.until(() => peer.isOver || peer.events.length > 0, deadlineMs);
  if (peer.closePayload !== undefined)
    await peer.until(() => peer.hasTesteeEnded || peer.cutBy !== undefined, deadlineMs);
  if (peer.violation !== undefined) throw new Finding(`the testee sent ${peer.violation}`);
  if (peer.events.length > 0)
    throw new Finding(`expected a failed handshake, saw ${describeEvent(peer.events[0])}`);
  if (!peer.hasTesteeEnded && peer.cutBy === undefined) throw new Silence('a failed handshake', deadlineMs);
}

/** @param {Case} testCase @param {WirePeer} peer @param {WireEvent[]} expected @param {number} deadlineMs */
async function judgeClose({ ending }, peer, expected, deadlineMs) {
  await peer.until(() => peer.isOver || peer.events.length > expected.length, deadlineMs);
  compareEvents(peer, expected, deadlineMs);
  const wanted = describeClose(closeBody(ending.code));
  if (!peer.isOver) throw new Silence(wanted, deadlineMs);
  if (peer.closePayload === undefined) throw new Finding(`expected ${wanted}, saw ${lastWords(peer)}`);
  const isRight =
    ending.code === undefined
      ? peer.closePayload.length === 0
      : peer.closePayload.length >= 2 && peer.closePayload.readUInt16BE(0) === ending.code;
  if (!isRight) throw new Finding(`expected ${wanted}, saw ${describeClose(peer.closePayload)}`);
  if (peer.closePayload.length > 2 && !isUtf8(peer.closePayload.subarray(2)))
    throw new Finding('the close reason is not UTF-8 (5.5.1)');
}

/** @param {Case} testCase @param {WirePeer} peer @param {Role} role @param {number} deadlineMs */
async function judgeTcpEnd({ ending }, peer, role, deadlineMs) {
  const hasEnded = () => peer.hasTesteeEnded || peer.cutBy !== undefined || peer.violation !== undefined;
  // RFC 6455 5.5.1: a Close is answered with a Close.
  if (!peer.hasSentClose) await peer.send([{ opcode: Opcode.close, payload: closeBody(ending.code) }], {});
  if (role === 'client') {
    // RFC 6455 7.1.1: in the normal case the client waits for the server to end TCP first.
    if (ending.isServerFirst === true) await peer.until(hasEnded, clientPatienceMs);
    if (ending.isServerFirst === true && peer.hasTesteeEnded) {
      throw new Finding("the client ended TCP first; that is the server's part (7.1.1)");
    }
    peer.end();
  }
  await peer.until(hasEnded, deadlineMs);
  if (peer.violation !== undefined) throw new Finding(`the testee sent ${peer.violation}`);
  if (!hasEnded()) throw new Silence('the end of TCP', deadlineMs);
  // Both directions end before the verdict, so that a reset behind the testee's FIN is seen as well.
  if (role === 'server') peer.end();
  await peer.until(() => peer.isGone, deadlineMs);
  if (peer.cutBy !== undefined) throw new Finding(`expected an orderly end of TCP (FIN), saw ${peer.cutBy}`);
}

/** @param {number | undefined} code */
function closeBody(code) {
  if (code === undefined) return Buffer.alloc(0);
  const body = Buffer.alloc(2);
  body.writeUInt16BE(code);
  return body;
}

/** @param {Buffer} bytes */
function isUtf8(bytes) {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return true;
  } catch {
    // The decoder throws for one reason only: the bytes are not UTF-8.
    return false;
  }
}

/** @param {WirePeer} peer */
function lastWords(peer) {
  if (peer.violation !== undefined) return `the testee sent ${peer.violation}`;
  if (peer.closePayload !== undefined) return describeClose(peer.closePayload);
  if (peer.cutBy !== undefined) return `no Close, the connection cut (${peer.cutBy})`;
  if (peer.hasTesteeEnded) return 'no Close, only the end of TCP';
  return describeEvent(peer.events[peer.events.length - 1]);
}

/** @param {WireEvent | undefined} event */
function describeEvent(event) {
  if (event === undefined) return 'nothing';
  const hex = event.payload.subarray(0, 12).toString('hex');
  return `${event.kind} of ${event.payload.length} bytes${hex === '' ? '' : ` (${hex}${event.payload.length > 12 ? '..' : ''})`}`;
}

/** @param {Buffer} payload */
function describeClose(payload) {
  if (payload.length === 0) return 'Close without a code';
  if (payload.length === 1) return 'Close with a body of 1 byte';
  const reason = payload.toString('utf8', 2);
  return `Close ${payload.readUInt16BE(0)}${reason === '' ? '' : ` "${reason}"`}`;
}

/** @param {WireEvent} wanted @param {WireEvent} seen */
function firstDifference(wanted, seen) {
  if (wanted.kind !== seen.kind || wanted.payload.length !== seen.payload.length) return '';
  return `, different from byte ${wanted.payload.findIndex((byte, index) => byte !== seen.payload[index])} on`;
}
