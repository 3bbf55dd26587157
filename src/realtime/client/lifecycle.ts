// What a page lives through: hidden, frozen, offline, kept in the back/forward cache. Timers stand still or come late there,
// so the client looks again when the page comes back.

/** What the client does about it. */
export interface LifecycleEvents {
  /** Time may have passed unnoticed. */
  resumed(): void;
  /** There is a network again, maybe another one. */
  online(): void;
  /** The page goes; it may come back out of the back/forward cache, for which no connection may be open. */
  hidden(): void;
  /** It has come back. */
  shown(): void;
}

/** Listens to the page. @returns the function that stops it; where there is no page, nothing happens */
export function watchLifecycle(events: LifecycleEvents): () => void {
  const stop = new AbortController();
  const on = (target: EventTarget | undefined, type: string, listener: (event: Event) => void): void =>
    target?.addEventListener?.(type, listener, stop);
  const page: Document | undefined = globalThis.document;
  on(page, 'visibilitychange', () => {
    if (page.visibilityState === 'visible') events.resumed();
  });
  on(page, 'resume', () => events.resumed());
  on(globalThis, 'online', () => events.online());
  on(globalThis, 'pagehide', () => events.hidden());
  on(globalThis, 'pageshow', (event) => {
    if ('persisted' in event && event.persisted === true) events.shown();
  });
  return () => stop.abort();
}
