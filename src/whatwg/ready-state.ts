// The four states of a WebSocket object, by the names of the standard.

/** The numbers of `readyState`. */
export const ReadyState: Readonly<{ CONNECTING: 0; OPEN: 1; CLOSING: 2; CLOSED: 3 }> = Object.freeze({
  CONNECTING: 0,
  OPEN: 1,
  CLOSING: 2,
  CLOSED: 3,
});

/** What `readyState` may be. */
export type ReadyStateNumber = 0 | 1 | 2 | 3;
