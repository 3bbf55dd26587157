// What a checker of histories finds.

/** What can be broken. */
export type ViolationKind =
  /** A subscriber was not shown something, and was not told. */
  | 'lost'
  /** The same, across a connection that was said to have recovered everything. */
  | 'falsely-recovered'
  /** A subscriber saw something twice. */
  | 'duplicated'
  /** A subscriber saw something after what follows it. */
  | 'reordered'
  /** A subscriber saw something that is not what the log has in that place. */
  | 'invented'
  /** A subscriber was told of a gap although everything that it missed was still there. */
  | 'gap-without-cause'
  /** A publication is in the log twice. */
  | 'published-twice'
  /** A publisher was told that something is in the log which is not, or not there. */
  | 'acknowledged-in-vain'
  /** A call was applied more than once. */
  | 'applied-twice'
  /** A caller was told of a result although nothing was done. */
  | 'answered-in-vain'
  /** A caller was answered more than once, or never. */
  | 'answered-not-once'
  /** A caller was told that the outcome is unknown although nothing had happened. */
  | 'unknown-without-cause'
  /** At the end somebody is taken for present who is not, or the other way round. */
  | 'presence-diverged';

/** One broken promise. */
export interface Violation {
  readonly kind: ViolationKind;
  /** What was found, and what was expected. */
  readonly found: string;
}

/** How much was recovered. */
export interface HistoryRates {
  /** Connections that were made anew after which nothing was missing. */
  readonly recovered: number;
  /** Gaps that were told, with a cause. */
  readonly lost: number;
  readonly delivered: number;
  readonly calls: number;
}
