import { expect, test } from 'vitest';
import { WebSocketError } from '../../src/whatwg/web-socket-error.ts';
import { outcomeOf } from './fake-platform.ts';

test('a WebSocketError is a DOMException with a fixed name', () => {
  const error = new WebSocketError('what happened', { closeCode: 4000, reason: 'because' });
  expect(error).toBeInstanceOf(DOMException);
  expect(error).toBeInstanceOf(Error);
  expect(error).toMatchObject({ name: 'WebSocketError', code: 0, message: 'what happened' });
  expect(error).toMatchObject({ closeCode: 4000, reason: 'because' });
  expect(Object.prototype.toString.call(error)).toBe('[object WebSocketError]');
});

test('everything is optional, and a reason alone brings the code 1000', () => {
  expect(new WebSocketError()).toMatchObject({ message: '', closeCode: null, reason: '' });
  expect(new WebSocketError('x', {})).toMatchObject({ closeCode: null, reason: '' });
  expect(new WebSocketError('x', { reason: '' })).toMatchObject({ closeCode: null, reason: '' });
  expect(new WebSocketError('x', { reason: 'why' })).toMatchObject({ closeCode: 1000, reason: 'why' });
  expect(new WebSocketError('x', { reason: '\ud800' }).reason).toBe('\ufffd');
});

test('code and reason are checked as in close()', () => {
  const construct = (init: unknown): unknown =>
    outcomeOf(() => Reflect.construct(WebSocketError, ['', init]));
  for (const closeCode of [0, 999, 1001, 1006, 2999, 5000]) {
    expect(construct({ closeCode })).toBe('InvalidAccessError');
  }
  for (const closeCode of [-1, 65_536, NaN, 'text', {}]) expect(construct({ closeCode })).toBe('TypeError');
  expect(construct({ reason: 'x'.repeat(124) })).toBe('SyntaxError');
  expect(construct('text')).toBe('TypeError');
});
