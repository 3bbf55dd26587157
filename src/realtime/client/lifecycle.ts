// What a page lives through: hidden, frozen, offline, kept in the back/forward cache. Timers stand still or come late there,
// so the client looks again when the page comes back.

/** What the client does about it. */
export interface LifecycleEvents {
  /** The page is seen, or comes back: time may have passed unnoticed. */
  resumed(): void;
  /** There is a network again, maybe another one. */
  online(): void;
  /** The page goes; it may come back out of the back/forward cache, for which no connection may be open. */
  hidden(): void;
}

/** Listens to the page. @returns the function that stops it; where there is no page, nothing happens */
export function watchLifecycle(events: LifecycleEvents): () => void {
  const stop = new AbortController();
  const on = (target: EventTarget | undefined, type: string, listener: () => void): void =>
    target?.addEventListener?.(type, listener, stop);
  const page: Document | undefined = globalThis.document;
  on(page, 'visibilitychange', () => {
    if (!page.hidden) events.resumed();
  });
  on(page, 'resume', () => events.resumed());
  on(globalThis, 'pageshow', () => events.resumed());
  on(globalThis, 'online', () => events.online());
  on(globalThis, 'pagehide', () => events.hidden());
  return () => stop.abort();
}
