// What a server says of a kind of channel beyond its contract: who may do what there, how much is kept, and what happens to those who
// are too slow. Defaults are safe: who may subscribe is everybody whom the hub has let in, and who may publish is nobody.

import { describe, FullduplexError } from '../../base/errors.ts';
import type { ChannelContract } from '../contract/contract.ts';
import type { Retention, StreamEntry } from '../engine/engine.ts';
import { ChannelPattern } from '../wire/channel-pattern.ts';
import { readJson } from '../wire/json-codec.ts';
import type { Delivery } from '../wire/frames.ts';
import type { WhenSlow } from './follower.ts';
import type { SessionView } from './session.ts';
import { PublicationFormat } from './stream-frames.ts';

/** Who wants something, and where. */
export interface RuleContext<Params, Data> {
  /** The user; undefined: somebody without a name. */
  readonly user: string | undefined;
  readonly session: SessionView<Data>;
  /** The name of the channel. */
  readonly channel: string;
  /** What stands in the place of the pattern's parameters. */
  readonly params: Params;
}

/** What somebody wants to publish. */
export interface PublishContext<Params, Data, Event extends string = string, EventData = unknown>
  extends RuleContext<Params, Data> {
  readonly event: Event;
  /** The data, as the schema has made it. */
  readonly data: EventData;
}

/** What somebody wants others to know. */
export interface PresenceContext<Params, Data, Info = unknown> extends RuleContext<Params, Data> {
  readonly info: Info;
}

/** How a kind of channel behaves. */
export interface ChannelOptions<
  Params = Readonly<Record<string, string>>,
  Data = unknown,
  Published extends PublishContext<Params, Data> = PublishContext<Params, Data>,
  Info = unknown,
> {
  /**
   * How much is kept for those who come back, and as history. A volatile channel keeps nothing.
   * @defaultValue 100 publications and 5 minutes; on a `latest` channel 1,000 and an hour
   */
  readonly retention?: Partial<Retention>;
  /** Who may follow the channel. @defaultValue everybody */
  subscribe?(context: RuleContext<Params, Data>): boolean | Promise<boolean>;
  /** Who may publish what: also those who do not follow it. @defaultValue nobody but the server */
  publish?(context: Published): boolean | Promise<boolean>;
  /** Who may see who is there and be seen, where the contract has presence. @defaultValue everybody who may subscribe */
  presence?(context: PresenceContext<Params, Data, Info>): boolean | Promise<boolean>;
  /** Whether who is there is told by name, or only how many there are: for channels with thousands. @defaultValue 'members' */
  readonly presenceMode?: 'members' | 'counts';
  /** How long somebody who has lost the connection is still there, in milliseconds. @defaultValue 10,000 */
  readonly presenceGraceMs?: number;
  /** On a `latest` channel: publications with the same key replace each other. @defaultValue the event */
  key?(event: string, data: unknown): string;
  /**
   * What happens to a session that is too slow. `recover`: it reads on from the history when it can. `conflate`: it gets the newest of
   * each key. `drop`: it is told how many it misses. `close`: its connection is ended.
   * @defaultValue `recover` on a `log` channel, `conflate` on `latest`, `drop` on `volatile`
   */
  readonly whenSlow?: WhenSlow;
  /**
   * Whether clients that are made with `patch` are sent only what has changed since the publication of the same event before, where that is
   * shorter: for large values of which little changes. Each publication is then parsed and compared, once for all receivers. Not on
   * `volatile` channels. @defaultValue false
   */
  readonly delta?: boolean;
  /** What clients are told of a publication beside its data. Each costs some bytes a publication. @defaultValue nothing */
  readonly meta?: { readonly user?: boolean; readonly at?: boolean };
}

/** How much a channel keeps when nothing is said about it. */
export const defaultRetention: Retention = Object.freeze({ maxEntries: 100, maxAgeMs: 5 * 60_000 });
/** How much a `latest` channel keeps: the newest of each key has to be among that. */
export const defaultLatestRetention: Retention = Object.freeze({ maxEntries: 1_000, maxAgeMs: 60 * 60_000 });
export const defaultPresenceGraceMs = 10_000;

const policies: Readonly<Record<Delivery, readonly WhenSlow[]>> = {
  log: ['recover', 'conflate', 'drop', 'close'],
  latest: ['conflate', 'recover', 'drop', 'close'],
  volatile: ['drop', 'close'],
};
const modes: readonly unknown[] = ['members', 'counts'];

const maxFound = 1_000;

/** A kind of channel as the hub knows it. */
export class ChannelDeclaration {
  readonly pattern: ChannelPattern;
  readonly contract: ChannelContract;
  readonly options: ChannelOptions;
  readonly delivery: Delivery;
  readonly events: readonly string[];
  readonly retention: Retention;
  readonly whenSlow: WhenSlow;
  readonly presenceMode: 'members' | 'counts';
  readonly presenceGraceMs: number;
  readonly format: PublicationFormat;

  readonly #onError: (error: unknown) => unknown;

  /**
   * @param onError hears what the `key` of the channel throws
   * @throws FullduplexError `WS_OPTION_INVALID`
   */
  constructor(
    pattern: string,
    contract: ChannelContract,
    options: ChannelOptions,
    onError: (error: unknown) => unknown = () => undefined,
  ) {
    this.#onError = onError;
    this.pattern = new ChannelPattern(pattern);
    this.contract = contract;
    this.options = options;
    this.delivery = contract.delivery ?? 'log';
    this.events = Object.keys(contract.events ?? {});
    const defaults = this.delivery === 'latest' ? defaultLatestRetention : defaultRetention;
    this.retention = {
      maxEntries: require(pattern, 'retention.maxEntries', options.retention?.maxEntries ??
        defaults.maxEntries, 1),
      maxAgeMs: require(pattern, 'retention.maxAgeMs', options.retention?.maxAgeMs ?? defaults.maxAgeMs, 1),
    };
    const allowed = policies[this.delivery];
    this.whenSlow = options.whenSlow ?? allowed[0];
    if (!allowed.includes(this.whenSlow))
      throw invalid(pattern, 'whenSlow', this.whenSlow, allowed.map((one) => describe(one)).join(', '));
    this.presenceMode = options.presenceMode ?? 'members';
    if (!modes.includes(this.presenceMode))
      throw invalid(pattern, 'presenceMode', this.presenceMode, '"members" or "counts"');
    this.presenceGraceMs = require(pattern, 'presenceGraceMs', options.presenceGraceMs ??
      defaultPresenceGraceMs, 0);
    for (const name of ['subscribe', 'publish', 'presence', 'key'] as const) {
      const rule: unknown = options[name];
      if (rule !== undefined && typeof rule !== 'function') throw invalid(pattern, name, rule, 'a function');
    }
    const delta: unknown = options.delta ?? false;
    if (typeof delta !== 'boolean') throw invalid(pattern, 'delta', delta, 'true or false');
    if (delta && this.delivery === 'volatile')
      throw invalid(pattern, 'delta', delta, 'false on a volatile channel, where nobody knows who has what');
    const { user = false, at = false } = options.meta ?? {};
    this.format = new PublicationFormat({
      events: this.events,
      meta: { user, at },
      isVolatile: this.delivery === 'volatile',
      mayJump: this.delivery === 'latest',
      keyOf: (entry) => this.#keyOf(entry),
      hasChanges: delta,
    });
  }

  #keyOf({ name, data }: StreamEntry): string {
    if (this.options.key === undefined) return name;
    try {
      return this.options.key(name, readJson(data));
    } catch (error) {
      // Clients may have published what it did not expect: nobody else's subscription fails for that.
      this.#onError(error);
      return name;
    }
  }
}

/** A channel by its name. */
export interface FoundChannel {
  readonly name: string;
  readonly declaration: ChannelDeclaration;
  readonly params: Readonly<Record<string, string>>;
}

/** All kinds of channels of a hub. */
export class ChannelDeclarations {
  // The most specific first.
  #declarations: readonly ChannelDeclaration[] = [];
  // What was found lately: all who follow a channel share it.
  readonly #found = new Map<string, FoundChannel>();

  /** @throws FullduplexError `WS_OPTION_INVALID` when the pattern is declared already */
  add(declaration: ChannelDeclaration): void {
    const { source } = declaration.pattern;
    if (this.#declarations.some(({ pattern }) => pattern.source === source)) {
      throw new FullduplexError(
        'WS_OPTION_INVALID',
        `channel ${describe(source)} is declared twice, expected one declaration for each pattern`,
      );
    }
    this.#declarations = [...this.#declarations, declaration].sort(
      (a, b) => rankOf(b.pattern) - rankOf(a.pattern),
    );
    this.#found.clear();
  }

  /** Finds the declaration that a name belongs to: of several, the most specific. */
  find(name: string): FoundChannel | undefined {
    const known = this.#found.get(name);
    if (known !== undefined) return known;
    for (const declaration of this.#declarations) {
      const params = declaration.pattern.match(name);
      if (params === undefined) continue;
      const found = { name, declaration, params: Object.freeze(params) };
      // Begun anew when there are many, so that names which nobody follows any more do not pile up.
      if (this.#found.size >= maxFound) this.#found.clear();
      this.#found.set(name, found);
      return found;
    }
    return undefined;
  }
}

function rankOf(pattern: ChannelPattern): number {
  return pattern.isLiteral ? Infinity : pattern.literalLength;
}

function require(pattern: string, name: string, value: number, min: number): number {
  if (Number.isSafeInteger(value) && value >= min) return value;
  throw invalid(pattern, name, value, `a whole number from ${min}`);
}

function invalid(pattern: string, name: string, value: unknown, expected: string): FullduplexError {
  return new FullduplexError(
    'WS_OPTION_INVALID',
    `channel ${describe(pattern)}: option ${name} is ${describe(value)}, expected ${expected}`,
  );
}
