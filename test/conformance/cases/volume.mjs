// Section 9 of the Autobahn list: messages of up to 16 MiB, whole, in up to 65,537 fragments and in small chops, and
// round trips. Unlike the list, the bytes that come back are compared. Shortened for CI, every case remains, with less.

import { answered, event, fragments, frame } from './vocabulary.mjs';
import { Opcode } from '../frames.mjs';

/** @typedef {import('./vocabulary.mjs').Case} Case */
/** @typedef {'text' | 'binary'} Kind */

const KiB = 1024;
const MiB = 1024 * KiB;
const textPattern = Buffer.from('BAsd7&jh23');
const binaryPattern = Buffer.from([0x00, 0xfe, 0x23, 0xfa, 0xf0]);

/** @param {number} bytes */
const sizeName = (bytes) =>
  bytes % MiB === 0 && bytes > 0
    ? `${bytes / MiB} MiB`
    : bytes % KiB === 0 && bytes > 0
      ? `${bytes / KiB} KiB`
      : `${bytes} B`;

/** @param {Kind} kind @param {number} bytes */
const patterned = (kind, bytes) => Buffer.alloc(bytes, kind === 'text' ? textPattern : binaryPattern);

/** @param {number} section @param {Kind} kind @param {number} mostBytes @returns {Case[]} */
const whole = (section, kind, mostBytes) =>
  [64 * KiB, 256 * KiB, MiB, 4 * MiB, 8 * MiB, 16 * MiB].map((listedBytes, index) => {
    const bytes = Math.min(listedBytes, mostBytes);
    return answered(
      `9.${section}.${index + 1}`,
      `${kind} of ${sizeName(bytes)}`,
      'echo',
      () => {
        const payload = patterned(kind, bytes);
        return [{ send: [frame(Opcode[kind], payload)] }, { expect: [event(kind, payload)] }];
      },
      true,
    );
  });

/** @param {number} section @param {Kind} kind @param {number} bytes @returns {Case[]} */
const fragmented = (section, kind, bytes) =>
  [64, 256, KiB, 4 * KiB, 16 * KiB, 64 * KiB, 256 * KiB, MiB, 4 * MiB].map((fragmentBytes, index) =>
    answered(
      `9.${section}.${index + 1}`,
      `${kind} of ${sizeName(bytes)} in fragments of ${sizeName(fragmentBytes)}`,
      'echo',
      () => {
        const payload = Buffer.alloc(bytes, kind === 'binary' && index === 0 ? 0xfe : 0x2a);
        return [{ send: fragments(kind, payload, fragmentBytes) }, { expect: [event(kind, payload)] }];
      },
      true,
    ),
  );

/** @param {number} section @param {Kind} kind @param {number} bytes @returns {Case[]} */
const chopped = (section, kind, bytes) =>
  [64, 128, 256, 512, 1024, 2048].map((chopBytes, index) =>
    answered(
      `9.${section}.${index + 1}`,
      `${kind} of ${sizeName(bytes)} in chops of ${sizeName(chopBytes)}`,
      'echo',
      () => {
        const payload = patterned(kind, bytes);
        return [{ send: [frame(Opcode[kind], payload)], chopBytes }, { expect: [event(kind, payload)] }];
      },
      true,
    ),
  );

/** @param {number} section @param {Kind} kind @param {number} times @returns {Case[]} */
const roundTrips = (section, kind, times) =>
  [0, 16, 64, 256, 1024, 4096].map((bytes, index) =>
    answered(
      `9.${section}.${index + 1}`,
      `${kind} of ${sizeName(bytes)}, ${times} times, one at a time`,
      'every echo',
      () => {
        const payload = Buffer.alloc(bytes, kind === 'text' ? 0x2a : 0xfe);
        return Array.from({ length: times }, () => [
          { send: [frame(Opcode[kind], payload)] },
          { expect: [event(kind, payload)] },
        ]).flat();
      },
      true,
    ),
  );

/** @param {boolean} isShort @returns {Case[]} */
export function volumeCases(isShort) {
  return [
    ...whole(1, 'text', isShort ? MiB : 16 * MiB),
    ...whole(2, 'binary', isShort ? MiB : 16 * MiB),
    ...fragmented(3, 'text', isShort ? MiB : 4 * MiB),
    ...fragmented(4, 'binary', isShort ? MiB : 4 * MiB),
    ...chopped(5, 'text', isShort ? 128 * KiB : MiB),
    ...chopped(6, 'binary', isShort ? 128 * KiB : MiB),
    ...roundTrips(7, 'text', isShort ? 100 : 1000),
    ...roundTrips(8, 'binary', isShort ? 100 : 1000),
  ];
}
