import { describe, expectTypeOf, test } from 'vitest';
import { Hub } from '../../../src/realtime/server/hub.ts';
import { chat } from './hub-stage.ts';

describe('the types of a hub', () => {
  // The compiler is the test: what is wrong here has to be an error there.
  test('follow the contract', () => {
    const hub = new Hub(chat, { authenticate: () => ({ user: 'ann', data: { isAdmin: true } }) });
    const check = (): void => {
      hub.channel('chat:{room}', {
        subscribe: ({ params, session }) => params.room !== '' && session.data.isAdmin,
        publish: (context) => {
          if (context.event === 'message') expectTypeOf(context.data).toEqualTypeOf<{ text: string }>();
          else expectTypeOf(context.data).toEqualTypeOf<{ on: boolean }>();
          return true;
        },
        presence: ({ info }) => info?.name !== '',
      });
      // @ts-expect-error the pattern has no such parameter
      hub.channel('tick:{symbol}', { subscribe: ({ params }) => params.room === '' });
      // @ts-expect-error the contract has no such channel
      hub.channel('nothing:1');
      const room = hub.channel('chat:42');
      void room.publish('message', { text: 'x' });
      // @ts-expect-error the channel has no such event
      void room.publish('price', { key: 'a', value: 1 });
      // @ts-expect-error the data is of another type
      void room.publish('message', { text: 1 });
      void room.set('a', 1);
      // @ts-expect-error the state is of another type
      void room.set('a', 'x');
      hub.call('add', ({ a, b }, { session }) => (session.data.isAdmin ? a + b : 0));
      // @ts-expect-error the call gives a number
      hub.call('add', () => 'x');
      // @ts-expect-error the contract has no such call
      hub.call('sub', () => 1);
      const session = hub.session('x');
      expectTypeOf(session.call('confirm', 'sure?')).toEqualTypeOf<Promise<boolean>>();
      // @ts-expect-error the input is of another type
      void session.call('confirm', 1);
      void session.publish('notice', 'x');
      // @ts-expect-error the contract has no such direct event
      void hub.user('ann').publish('alarm', 'x');
      expectTypeOf(room.presence()).resolves.toHaveProperty('members');
    };
    expectTypeOf(check).toBeFunction();
  });
});
