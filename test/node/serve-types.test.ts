// What TypeScript infers from the options of serve(): nothing here is started.

import { assertType, describe, expectTypeOf, test } from 'vitest';
import type { serve as serveFunction } from '../../src/index.ts';
import type { ServerConnection } from '../../src/server/server-connection.ts';
import type { UpgradeRequest } from '../../src/server/upgrade-request.ts';
import type { WebSocketServer } from '../../src/node/web-socket-server.ts';

const serve: typeof serveFunction = () => Promise.reject(new Error('types only'));
const started = (server: Promise<WebSocketServer>): void => void server.catch(() => undefined);

describe('the data of a connection', () => {
  test('is undefined without upgrade', () => {
    started(
      serve({ port: 0 }, { open: (connection) => expectTypeOf(connection.data).toEqualTypeOf<undefined>() }),
    );
  });

  test('has the type of what upgrade returns', () => {
    started(
      serve(
        { port: 0, upgrade: () => ({ data: { user: 'ada', visits: 1 } }) },
        {
          open: (connection) => {
            expectTypeOf(connection.data).toEqualTypeOf<{ user: string; visits: number }>();
            expectTypeOf(connection).toEqualTypeOf<ServerConnection<{ user: string; visits: number }>>();
          },
          message: (connection, message) => {
            expectTypeOf(connection.data.user).toBeString();
            expectTypeOf(message).toEqualTypeOf<string | Uint8Array>();
          },
          close: (connection) => expectTypeOf(connection.data.visits).toBeNumber(),
        },
      ),
    );
  });

  test('is inferred beside refusals and through promises', () => {
    started(
      serve(
        {
          port: 0,
          upgrade: async ({ headers }) => {
            const user = await Promise.resolve(headers.get('authorization'));
            if (user === null) return new Response('who are you?', { status: 401 });
            return { data: { user }, headers: { 'Set-Cookie': 'seen=1' } };
          },
        },
        { open: (connection) => expectTypeOf(connection.data).toEqualTypeOf<{ user: string }>() },
      ),
    );
  });

  test('is undefined when upgrade only refuses or says nothing', () => {
    const check = { open: (connection: ServerConnection): void => assertType<undefined>(connection.data) };
    started(serve({ port: 0, upgrade: ({ protocols }) => ({ protocol: protocols[0] }) }, check));
    started(serve({ port: 0, upgrade: () => undefined }, check));
    started(serve({ port: 0, upgrade: () => {} }, check));
    started(serve({ port: 0, upgrade: async () => {} }, check));
    started(serve({ port: 0, upgrade: () => new Response(null, { status: 403 }) }, check));
  });

  test('can be named', () => {
    started(
      serve<{ room?: string }>(
        { port: 0, upgrade: () => ({ data: {} }) },
        { open: (connection) => expectTypeOf(connection.data).toEqualTypeOf<{ room?: string }>() },
      ),
    );
  });

  test('can be named where the ways out differ', () => {
    type Kind = { readonly kind: 'guest' } | { readonly kind: 'member'; readonly id: number };
    started(
      serve<Kind>(
        {
          port: 0,
          upgrade: ({ isSecure }) => ({ data: isSecure ? { kind: 'member', id: 1 } : { kind: 'guest' } }),
        },
        { open: (connection) => expectTypeOf(connection.data).toEqualTypeOf<Kind>() },
      ),
    );
    started(
      serve<{ id: number } | undefined>(
        {
          port: 0,
          upgrade: ({ isSecure }) => {
            if (!isSecure) return undefined;
            return { data: { id: 1 } };
          },
        },
        { open: (connection) => expectTypeOf(connection.data).toEqualTypeOf<{ id: number } | undefined>() },
      ),
    );
  });

  test('cannot be forgotten on one way out', () => {
    // @ts-expect-error the connection would have no data although its type says so
    started(serve<{ room: string }>({ port: 0, upgrade: () => undefined }));
    // @ts-expect-error neither would this one
    started(serve<{ room: string }>({ port: 0, upgrade: () => ({ protocol: 'x' }) }));
    // @ts-expect-error a boolean is no decision
    started(serve({ port: 0, upgrade: () => false }));
  });
});

describe('the parameters of the path', () => {
  test('have the names of the pattern', () => {
    started(
      serve({
        port: 0,
        path: '/teams/:team/rooms/:room/*',
        upgrade: (request) => {
          expectTypeOf(request.params).toEqualTypeOf<{
            readonly team: string;
            readonly room: string;
            readonly '*': string;
          }>();
          // @ts-expect-error there is no such parameter
          return { data: request.params.user };
        },
      }),
    );
  });

  test('are any strings when the path is not known', () => {
    expectTypeOf<UpgradeRequest['params']>().toEqualTypeOf<{ readonly [name: string]: string }>();
  });

  test('type the data together with upgrade, in whatever order they are written', () => {
    started(
      serve(
        { upgrade: ({ params }) => ({ data: params.id }), path: '/:kind/:id', port: 0 },
        { open: (connection) => expectTypeOf(connection.data).toBeString() },
      ),
    );
  });

  test('the same holds for endpoints', () => {
    const check = (server: WebSocketServer): void => {
      server.endpoint(
        '/rooms/:room',
        { upgrade: ({ params }) => ({ data: params.room }) },
        { message: (connection) => expectTypeOf(connection.data).toBeString() },
      );
      // @ts-expect-error there is no such parameter
      server.endpoint('/rooms/:room', { upgrade: ({ params }) => ({ data: params.user }) });
    };
    expectTypeOf(check).toBeFunction();
  });
});

describe('where to listen', () => {
  test('is exactly one of four', () => {
    started(serve({ socketPath: '/run/chat.sock' }));
    started(serve({ listen: false }));
    // @ts-expect-error nowhere
    started(serve({ path: '/chat' }));
    // @ts-expect-error two places
    started(serve({ port: 0, socketPath: '/run/chat.sock' }));
    // @ts-expect-error a server of somebody else's has its own certificate
    started(serve({ listen: false, tls: {} }));
  });
});
