import { beforeEach, describe, expect, it } from 'vitest';
import { FullduplexError } from '../../src/base/errors.ts';
import { ConnectionEnd } from '../../src/connection/connection-end.ts';
import type { ClosedInfo } from '../../src/connection/end-reason.ts';
import { FakeClock } from '../../src/testing/fake-clock.ts';

const failure = new FullduplexError('WS_HANDLER_FAILED', 'broken');
let end: ConnectionEnd;

function closedInfo(of: ConnectionEnd, error?: Error): ClosedInfo {
  of.transportClosed(error);
  return of.closedInfo;
}

beforeEach(() => {
  end = new ConnectionEnd();
});

describe('ConnectionEnd', () => {
  it('is clean when both close frames are known, and says what began it', () => {
    end.begin('local', 4000, 'bye', undefined);
    end.hasSentClose = true;
    end.peerClose = { code: 4001, reason: 'me too' };
    end.begin('remote', 4001, 'me too', undefined);
    expect(closedInfo(end)).toEqual({ code: 4000, reason: 'bye', clean: true, by: 'local' });
  });

  it('is clean when the peer has closed and the transport is gone before our answer was noted', () => {
    end.begin('remote', 1001, '', undefined);
    end.peerClose = { code: 1001, reason: '' };
    expect(closedInfo(end)).toMatchObject({ code: 1001, clean: true, by: 'remote' });
  });

  it('is 1006 when the peer has not answered, with what ended the transport as its cause', () => {
    end.begin('local', 1000, '', undefined);
    end.hasSentClose = true;
    const reset = new Error('read ECONNRESET');
    expect(closedInfo(new ConnectionEnd())).toMatchObject({
      code: 1006,
      cause: { code: 'WS_TRANSPORT_ENDED' },
    });
    expect(closedInfo(end, reset)).toMatchObject({
      code: 1006,
      clean: false,
      by: 'transport',
      cause: { code: 'WS_TRANSPORT_FAILED', cause: reset },
    });
    expect(end.closedInfo).toBe(end.closedInfo);
  });

  it('keeps its cause also where nothing was clean, and a failure replaces what began before', () => {
    end.begin('local', 1011, '', () => failure);
    expect(closedInfo(end, new Error('reset'))).toEqual({
      code: 1011,
      reason: '',
      clean: false,
      by: 'local',
      cause: failure,
    });
    const cut = new ConnectionEnd();
    cut.begin('local', 1011, '', () => failure);
    const other = new FullduplexError('WS_TERMINATED', 'cut');
    cut.fail(1006, () => other);
    expect(cut.hasSentClose).toBe(true);
    expect(closedInfo(cut)).toMatchObject({ code: 1006, cause: other });
  });

  it('has one deadline, which says that the handshake was not finished', () => {
    const clock = new FakeClock();
    let calls = 0;
    end.begin('local', 1000, '', undefined);
    end.startDeadline(clock, 5000, () => calls++);
    end.startDeadline(clock, 1, () => calls++);
    clock.advance(4999);
    expect(calls).toBe(0);
    clock.advance(1);
    expect(calls).toBe(1);
    expect(closedInfo(end)).toMatchObject({
      code: 1006,
      clean: false,
      by: 'local',
      cause: { code: 'WS_CLOSE_TIMEOUT' },
    });
  });

  it('leaves the reason as it is when the deadline comes to a clean end, or one with a cause', () => {
    const clock = new FakeClock();
    end.begin('remote', 4000, 'bye', undefined);
    end.peerClose = { code: 4000, reason: 'bye' };
    end.startDeadline(clock, 10, () => undefined);
    const failed = new ConnectionEnd();
    failed.fail(1002, () => failure);
    failed.startDeadline(clock, 10, () => undefined);
    clock.advance(10);
    expect(closedInfo(end)).toMatchObject({ code: 4000, clean: true });
    expect(closedInfo(failed)).toMatchObject({ code: 1002, cause: failure });
  });

  it('leaves no timer behind when the transport is gone', () => {
    const clock = new FakeClock();
    end.startDeadline(clock, 10, () => expect.unreachable());
    end.transportClosed(undefined);
    expect(clock.pendingTimers).toBe(0);
    clock.advance(10);
  });
});
