// The four states of a WebSocket object, by the names of the standard.

/** The numbers of `readyState`. */
export const ReadyState = Object.freeze({ CONNECTING: 0, OPEN: 1, CLOSING: 2, CLOSED: 3 } as const);

/** What `readyState` may be. */
export type ReadyStateNumber = 0 | 1 | 2 | 3;
