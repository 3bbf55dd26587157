// What programs that have a key can ask of a hub over HTTP.

/** What is asked of a hub. Each rejects with a RealtimeError when it cannot be done. */
export interface PublishTarget {
  publish(publication: RequestedPublication): Promise<{ readonly offset?: number | undefined }>;
  /** Gives what is written as JSON. */
  history(channel: string, page: { readonly before?: number; readonly count: number }): Promise<unknown>;
  /** Gives what is written as JSON. */
  presence(channel: string): Promise<unknown>;
  disconnect(who: { readonly user?: string; readonly session?: string }): Promise<void>;
}

/** One publication. */
export interface RequestedPublication {
  readonly channel: string;
  readonly event: string;
  readonly data: unknown;
  readonly idempotencyKey?: string;
  readonly exceptSession?: string;
  readonly user?: string;
}
