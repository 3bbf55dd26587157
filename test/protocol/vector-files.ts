// Reading test/vectors: bytes are lists of hexadecimal strings, and [string, times] where something repeats, so that a
// vector of a megabyte stays a line. Texts in events repeat in the same way.

import { readFileSync } from 'node:fs';
import type { ProtocolLimits } from '../../src/protocol/limits.ts';
import type { WireEvent } from './reference-decoder.ts';
import { fromHex } from './wire.ts';

type Repeated = string | readonly [part: string, times: number];

export interface FrameVector {
  readonly name: string;
  /** Where the rule or the defect comes from. */
  readonly source: string;
  readonly receiver: 'client' | 'server';
  readonly limits?: Partial<ProtocolLimits>;
  readonly bytes: readonly Repeated[];
  /** What the sink hears; a value in an array is a text that repeats. */
  readonly events: readonly (readonly (string | number | readonly [string, number])[])[];
  /** What the receiver answers; a failure answers with a close frame of its close code and is not listed. */
  readonly answers?: readonly (readonly (string | number)[])[];
}

export interface Utf8Vector {
  readonly name: string;
  readonly source: string;
  readonly bytes: string;
  /** Where the bytes stop being the start of any well-formed text; left out when they do not. */
  readonly firstImpossibleByte?: number;
  /** Whether the bytes end inside a character. */
  readonly isCut?: boolean;
}

export function readFrameVectors(file: string): readonly FrameVector[] {
  const vectors: readonly FrameVector[] = JSON.parse(read(file));
  return vectors;
}

export function readUtf8Vectors(file: string): readonly Utf8Vector[] {
  const vectors: readonly Utf8Vector[] = JSON.parse(read(file));
  return vectors;
}

function read(file: string): string {
  return readFileSync(new URL(`../vectors/${file}`, import.meta.url), 'utf8');
}

export function bytesOf(parts: readonly Repeated[]): Uint8Array {
  return fromHex(parts.map((part) => (typeof part === 'string' ? part : part[0].repeat(part[1]))).join(''));
}

export function eventsOf(events: FrameVector['events']): WireEvent[] {
  return events.map(([name, ...values]) => [
    String(name),
    ...values.map((value) => (typeof value === 'object' ? value[0].repeat(value[1]) : value)),
  ]);
}
