import { describe, expect, it } from 'vitest';
import {
  type ClosingEvent,
  type ClosingState,
  canReceive,
  canSend,
  nextClosingState,
} from '../../src/protocol/closing-handshake.ts';

describe('closing handshake', () => {
  it.each<[ClosingState, ClosingEvent, ClosingState]>([
    ['open', 'send', 'closeSent'],
    ['open', 'receive', 'closeReceived'],
    ['open', 'fail', 'failed'],
    ['closeSent', 'send', 'closeSent'],
    ['closeSent', 'receive', 'closed'],
    ['closeSent', 'fail', 'failed'],
    ['closeReceived', 'send', 'closed'],
    ['closeReceived', 'receive', 'closeReceived'],
    ['closeReceived', 'fail', 'failed'],
    ['closed', 'send', 'closed'],
    ['closed', 'receive', 'closed'],
    ['closed', 'fail', 'closed'],
    ['failed', 'send', 'failed'],
    ['failed', 'receive', 'failed'],
    ['failed', 'fail', 'failed'],
  ])('in %s, %s leads to %s', (state, event, next) => {
    expect(nextClosingState(state, event)).toBe(next);
  });

  it('lets this side send until its close frame is out, and hear until the peer’s has come', () => {
    const states: ClosingState[] = ['open', 'closeSent', 'closeReceived', 'closed', 'failed'];
    expect(states.filter(canSend)).toEqual(['open']);
    expect(states.filter(canReceive)).toEqual(['open', 'closeSent']);
  });
});
