import { describe, expect, test } from 'vitest';
import type { HandshakeRefusal } from '../../src/protocol/handshake/handshake-refusal.ts';
import { Admission, type AdmissionOptions } from '../../src/server/admission.ts';
import { HandshakeRates } from '../../src/server/handshake-rates.ts';
import { KeyedBuckets } from '../../src/server/keyed-buckets.ts';
import { FakeClock } from '../../src/testing.ts';
import { incomingUpgrade } from './server-pair.ts';

function make(options: AdmissionOptions = {}): { admission: Admission; clock: FakeClock } {
  const clock = new FakeClock();
  return { admission: new Admission(options, clock), clock };
}

function told(refusal: HandshakeRefusal | undefined): unknown {
  return refusal && [refusal.status, refusal.headers.get('Retry-After')];
}

/** How many handshakes of the address go through at once. */
function burstOf(admission: Admission, address: string | undefined): number {
  let count = 0;
  while (count < 1000 && admission.count(address) === undefined) count++;
  return count;
}

describe('handshakes of an address', () => {
  test('may come 200 at once and 20 a second by default, then 429 says when to come back', () => {
    const { admission, clock } = make();
    expect(burstOf(admission, '198.51.100.1')).toBe(200);
    expect(told(admission.count('198.51.100.1'))).toEqual([429, '1']);
    expect(admission.count('198.51.100.2')).toBeUndefined();
    clock.advance(1000);
    expect(burstOf(admission, '198.51.100.1')).toBe(20);
  });

  test('are counted for a network of IPv6 together', () => {
    const { admission } = make({ handshakeRate: { perSecond: 0.1, burst: 2 } });
    expect(admission.count('2001:db8:0:1::1')).toBeUndefined();
    expect(admission.count('2001:db8:0:1:ffff::2')).toBeUndefined();
    expect(told(admission.count('2001:db8:0:1::3'))).toEqual([429, '10']);
    expect(admission.count('2001:db8:0:2::1')).toBeUndefined();
  });

  test('are not counted by default where an undeclared proxy may stand for everybody', () => {
    const { admission } = make();
    for (const address of ['127.0.0.1', '::1', '10.1.2.3', '192.168.1.1', 'fe80::1', '100.64.1.1', undefined])
      expect(burstOf(admission, address)).toBe(1000);
  });

  test('are counted there too when a rate is given, and nowhere without one', () => {
    const { admission } = make({ handshakeRate: { perSecond: 1, burst: 3 } });
    for (const address of ['127.0.0.1', '10.1.2.3', undefined]) expect(burstOf(admission, address)).toBe(3);
    const unlimited = make({ handshakeRate: false }).admission;
    expect(burstOf(unlimited, '198.51.100.1')).toBe(1000);
  });

  test('are counted by the client and not by the proxy, once', () => {
    const { admission } = make({
      handshakeRate: { perSecond: 1, burst: 1 },
      trustedProxies: ['10.0.0.0/8'],
    });
    const from = (client: string): unknown => {
      const upgrade = incomingUpgrade({ 'X-Forwarded-For': client }, { remoteAddress: '10.0.0.1' });
      return told(admission.judge(admission.trustedProxies?.resolve(upgrade) ?? upgrade));
    };
    expect([from('203.0.113.1'), from('203.0.113.2'), from('203.0.113.1')]).toEqual([
      undefined,
      undefined,
      [429, '1'],
    ]);
    const counted = incomingUpgrade({}, { remoteAddress: '203.0.113.1', isCounted: true });
    expect(admission.judge(counted)).toBeUndefined();
  });
});

describe('connections', () => {
  test('have no cap together by default, and one that is given answers 503', () => {
    const { admission } = make({ maxConnections: 2 });
    for (const address of ['127.0.0.1', '198.51.100.1']) {
      expect(admission.refuseWhenFull(address)).toBeUndefined();
      admission.opened(address);
    }
    expect(told(admission.refuseWhenFull('198.51.100.2'))).toEqual([503, '10']);
    admission.closed('127.0.0.1');
    expect(admission.refuseWhenFull('198.51.100.2')).toBeUndefined();
  });

  test('of one address are 1,000 at most by default, those of a network of IPv6 together', () => {
    const { admission } = make();
    for (let index = 0; index < 1000; index++) {
      expect(admission.refuseWhenFull(`2001:db8::${index.toString(16)}`)).toBeUndefined();
      admission.opened(`2001:db8::${index.toString(16)}`);
    }
    expect(told(admission.refuseWhenFull('2001:db8::ffff'))).toEqual([429, '10']);
    expect(admission.refuseWhenFull('2001:db8:0:1::')).toBeUndefined();
    admission.closed('2001:db8::1');
    expect(admission.refuseWhenFull('2001:db8::ffff')).toBeUndefined();
  });

  test('of a local address are counted only when a cap is given', () => {
    const byDefault = make().admission;
    for (let index = 0; index < 2000; index++) byDefault.opened('127.0.0.1');
    expect(byDefault.refuseWhenFull('127.0.0.1')).toBeUndefined();
    const given = make({ maxConnectionsPerAddress: 1 }).admission;
    given.opened('127.0.0.1');
    expect(told(given.refuseWhenFull('127.0.0.1'))).toEqual([429, '10']);
  });
});

describe('what is remembered of addresses is bounded', () => {
  test('an address whose bucket must be full again is forgotten, and none before', () => {
    const rates = new HandshakeRates({ perSecond: 1, burst: 10 }, 0);
    for (let index = 0; index < 100; index++) rates.count(`a${index}`, 0);
    expect(rates.size).toBe(100);
    for (let index = 0; index < 10; index++) rates.count('b', 9_999);
    rates.count('c', 10_000);
    // Its bucket has had a second to fill.
    expect(rates.count('b', 10_999)).toBe(0);
    expect(rates.count('b', 10_999)).toBeGreaterThan(0);
    rates.count('c', 20_000);
    expect(rates.count('b', 20_000)).toBe(0);
    expect(rates.size).toBeLessThanOrEqual(3);
  });

  test('those that were used longest ago make room for new ones', () => {
    const rates = new HandshakeRates({ perSecond: 1, burst: 1 }, 0, 1000);
    for (let index = 0; index < 10_000; index++) {
      rates.count('often', 0);
      expect(rates.count(`a${index}`, 0)).toBe(0);
      expect(rates.size).toBeLessThanOrEqual(1000);
    }
    expect(rates.count('often', 0)).toBeGreaterThan(0);
    expect(rates.count('a9999', 0)).toBeGreaterThan(0);
    expect(rates.count('a9500', 0)).toBeGreaterThan(0);
    expect(rates.count('a1', 0)).toBe(0);
  });
});

describe('buckets that connections share by a key', () => {
  const limits = { messages: { perSecond: 1, burst: 5 }, bytes: undefined };

  test('are the same while somebody has them, and afterwards until they are full again', () => {
    const clock = new FakeClock();
    const keyed = new KeyedBuckets(limits, clock);
    const buckets = keyed.join('ada');
    expect(keyed.join('ada')).toBe(buckets);
    expect(keyed.join('bob')).not.toBe(buckets);
    buckets.messages?.spend(2, clock.now());
    keyed.leave('ada');
    keyed.leave('ada');
    keyed.leave('bob');
    expect(keyed.join('ada')).toBe(buckets);
    keyed.leave('ada');
    clock.advance(5000);
    expect(keyed.join('ada')).toBe(buckets);
    keyed.leave('ada');
    clock.advance(5000);
    keyed.join('eve');
    clock.advance(5000);
    expect(keyed.join('ada')).not.toBe(buckets);
  });

  test('are remembered of a few thousand keys only', () => {
    const clock = new FakeClock();
    const keyed = new KeyedBuckets(limits, clock, 10);
    for (let index = 0; index < 100; index++) {
      keyed.join(`k${index}`).messages?.spend(5, 0);
      keyed.leave(`k${index}`);
    }
    expect(keyed.size).toBeLessThanOrEqual(10);
    expect(keyed.size).toBeGreaterThan(4);
  });
});

test.each<[AdmissionOptions, string]>([
  [{ maxConnections: 0 }, 'option maxConnections is 0, expected an integer of at least 1'],
  [
    { maxConnectionsPerAddress: 1.5 },
    'option maxConnectionsPerAddress is 1.5, expected an integer of at least 1',
  ],
  [
    { handshakeRate: { perSecond: -1, burst: 1 } },
    'option handshakeRate.perSecond is -1, expected a number above 0',
  ],
  [{ handshakeRate: true as never }, 'option handshakeRate is true, expected { perSecond, burst }'],
])('%j is refused', (options, message) => {
  expect(() => make(options)).toThrow(message);
});
