// What every peer is put through, as data: one list, so that no peer is spared what another passes.

/** What a peer's own interface can do beyond echoing and closing. */
export interface Abilities {
  /** Whether it can send a message in fragments: of any size, only large ones (its buffer decides), or not. */
  readonly fragments: 'any' | 'large' | 'none';
  /** Whether it can send a ping of its own and tell the payload of the pong. */
  readonly pings: boolean;
  /** Whether it can tell the HTTP status with which its handshake was refused. */
  readonly statuses: boolean;
  /**
   * Whether its client fails a connection for which it offered subprotocols and got none, as the WHATWG standard
   * demands. RFC 6455 4.1 lets a client go on without.
   */
  readonly insistsOnSubprotocol: boolean;
}

/** One thing to play on a new connection. `pieces` and `bytes` are payload sizes in bytes. */
export type Scenario =
  | { readonly kind: 'echo'; readonly type: 'text' | 'binary'; readonly bytes: number }
  | { readonly kind: 'fragments sent'; readonly type: 'text' | 'binary'; readonly pieces: readonly number[] }
  | {
      readonly kind: 'fragments received';
      readonly type: 'text' | 'binary';
      readonly bytes: number;
      readonly count: number;
    }
  | { readonly kind: 'ping sent'; readonly payload: string }
  | { readonly kind: 'ping received'; readonly payload: string }
  | { readonly kind: 'ping between fragments'; readonly payload: string }
  | { readonly kind: 'many at once'; readonly count: number }
  | { readonly kind: 'last words'; readonly count: number }
  | { readonly kind: 'we close'; readonly code: number; readonly reason: string }
  | { readonly kind: 'peer closes'; readonly code: number; readonly reason: string };

/** The sizes around each of the three length forms (RFC 6455 5.2), none, and a mebibyte. */
const sizes = [0, 1, 125, 126, 127, 65_535, 65_536, 1_048_576];

/** A close frame holds a code and at most 123 bytes of reason: this one is full, with 40 characters of 3 bytes. */
const longestReason = `${'€'.repeat(40)}end`;

const types = ['text', 'binary'] as const;

/** The list. */
export const scenarios: readonly Scenario[] = [
  ...types.flatMap((type) => sizes.map((bytes) => ({ kind: 'echo', type, bytes }) as const)),
  ...types.flatMap((type) =>
    [[0, 0], [0, 5, 0], [1, 1, 1], [125, 126, 127], [65_535, 65_536, 1], Array<number>(200).fill(10)].map(
      (pieces) => ({ kind: 'fragments sent', type, pieces }) as const,
    ),
  ),
  ...types.flatMap((type) =>
    [
      { bytes: 30, count: 3 },
      { bytes: 65_536, count: 4 },
      { bytes: 1_048_576, count: 16 },
    ].map((sent) => ({ kind: 'fragments received', type, ...sent }) as const),
  ),
  ...['', 'p', 'x'.repeat(125)].map((payload) => ({ kind: 'ping sent', payload }) as const),
  ...['p', 'x'.repeat(125)].map((payload) => ({ kind: 'ping received', payload }) as const),
  { kind: 'ping between fragments', payload: 'between' },
  { kind: 'many at once', count: 500 },
  { kind: 'last words', count: 50 },
  ...[1000, 1001, 1011, 3000, 4999].map((code) => ({ kind: 'we close', code, reason: 'so long' }) as const),
  { kind: 'we close', code: 1000, reason: '' },
  { kind: 'we close', code: 4001, reason: longestReason },
  { kind: 'peer closes', code: 1000, reason: 'so long' },
  { kind: 'peer closes', code: 3000, reason: 'x' },
  { kind: 'peer closes', code: 4001, reason: longestReason },
];

/** What a test of this scenario is called. */
export function titleOf(scenario: Scenario): string {
  switch (scenario.kind) {
    case 'echo':
      return `echoes ${scenario.type} of ${scenario.bytes} bytes`;
    case 'fragments sent':
      return `understands ${scenario.type} that we send in ${fragmentsOf(scenario.pieces)}`;
    case 'fragments received':
      return `is understood when it sends ${scenario.bytes} bytes of ${scenario.type} in ${scenario.count} pieces`;
    case 'ping sent':
      return `answers our ping of ${scenario.payload.length} bytes with the same payload`;
    case 'ping received':
      return `has its ping of ${scenario.payload.length} bytes answered with the same payload`;
    case 'ping between fragments':
      return 'answers a ping that we send between two fragments';
    case 'many at once':
      return `echoes ${scenario.count} messages sent without waiting, in order`;
    case 'last words':
      return `is heard to the end when it closes right behind ${scenario.count} messages`;
    case 'we close':
      return `hears our close with ${scenario.code} and a reason of ${scenario.reason.length} characters`;
    default:
      return `is heard closing with ${scenario.code} and a reason of ${scenario.reason.length} characters`;
  }
}

function fragmentsOf(pieces: readonly number[]): string {
  return pieces.length > 9 ? `${pieces.length} fragments` : `fragments of ${pieces.join(', ')} bytes`;
}

/** Whether a peer with these abilities can play the scenario. */
export function isPossible(scenario: Scenario, abilities: Abilities): boolean {
  if (scenario.kind === 'ping received') return abilities.pings;
  if (scenario.kind !== 'fragments received') return true;
  return abilities.fragments === 'any' || (abilities.fragments === 'large' && scenario.bytes >= 65_536);
}
