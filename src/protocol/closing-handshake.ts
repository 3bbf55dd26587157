// The closing handshake (RFC 6455 7) as a table: what each event makes of each state. Nothing here sends or
// receives; Protocol applies the events as they happen.

/**
 * Where a connection stands in its closing handshake.
 * - `open`: no close frame either way.
 * - `closeSent`: ours is sent, the peer's is awaited; it may still send messages.
 * - `closeReceived`: the peer's has arrived, ours waits behind messages that a codec still holds.
 * - `closed`: both are exchanged; the transport may end.
 * - `failed`: the connection was failed (7.1.7); whatever arrives is discarded.
 */
export type ClosingState = 'open' | 'closeSent' | 'closeReceived' | 'closed' | 'failed';

/** What can happen to a closing handshake. */
export type ClosingEvent = 'send' | 'receive' | 'fail';

const transitions: { readonly [state in ClosingState]: { readonly [event in ClosingEvent]: ClosingState } } =
  Object.freeze({
    open: { send: 'closeSent', receive: 'closeReceived', fail: 'failed' },
    closeSent: { send: 'closeSent', receive: 'closed', fail: 'failed' },
    closeReceived: { send: 'closed', receive: 'closeReceived', fail: 'failed' },
    closed: { send: 'closed', receive: 'closed', fail: 'closed' },
    failed: { send: 'failed', receive: 'failed', fail: 'failed' },
  });

/** The state after the event. An event that changes nothing (a second close frame) gives the same state. */
export function nextClosingState(state: ClosingState, event: ClosingEvent): ClosingState {
  return transitions[state][event];
}

/** Whether messages and pings may still be sent: no close frame of ours is out (RFC 6455 5.5.1). */
export function canSend(state: ClosingState): boolean {
  return state === 'open';
}

/** Whether what arrives still counts: nothing does after the peer's close frame or a failure (RFC 6455 1.4, 7.1.7). */
export function canReceive(state: ClosingState): boolean {
  return state === 'open' || state === 'closeSent';
}
