import { expect, test } from 'vitest';
import { CloseEvent } from '../../src/whatwg/events.ts';
import { outcomeOf } from './fake-platform.ts';

// Deno has a CloseEvent of its own, which calls itself an Event and converts nothing.
const hasPlainCloseEvent = process.versions.deno !== undefined;

test.skipIf(hasPlainCloseEvent)('a CloseEvent is an Event with three more attributes', () => {
  const event = new CloseEvent('close', { wasClean: true, code: 4000, reason: 'why', bubbles: true });
  expect(event).toBeInstanceOf(Event);
  expect(event).toBeInstanceOf(CloseEvent);
  expect(event).toMatchObject({ type: 'close', bubbles: true, cancelable: false });
  expect(event).toMatchObject({ wasClean: true, code: 4000, reason: 'why' });
  expect([CloseEvent.name, CloseEvent.length, Object.prototype.toString.call(event)]).toEqual([
    'CloseEvent',
    1,
    '[object CloseEvent]',
  ]);
  expect(Object.keys(CloseEvent.prototype).sort()).toEqual(['code', 'reason', 'wasClean']);
});

test.skipIf(hasPlainCloseEvent)('its dictionary is optional and converted as Web IDL says', () => {
  expect(new CloseEvent('x')).toMatchObject({ wasClean: false, code: 0, reason: '' });
  const odd = Reflect.construct(CloseEvent, ['x', { wasClean: 1, code: 65_537, reason: 'a\ud800' }]);
  expect(odd).toMatchObject({ wasClean: true, code: 1, reason: 'a\ufffd' });
  expect(outcomeOf(() => Reflect.construct(CloseEvent, []))).toBe('TypeError');
  expect(outcomeOf(() => Reflect.construct(CloseEvent, ['x', 5]))).toBe('TypeError');
});
