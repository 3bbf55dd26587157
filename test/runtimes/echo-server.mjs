// The server that both directions of these tests use, whichever entry it is made of: the endpoints below behave alike.

/** @typedef {import('fullduplex').ClosedInfo} ClosedInfo */

/**
 * Starts it.
 * @param {(options: object, handlers?: object) => Promise<any>} serve `serve` of an entry
 * @param {object} where port, socketPath, tls
 */
export async function startEchoServer(serve, where) {
  /** @type {(ClosedInfo & { path: string })[]} */
  const ends = [];
  /** @param {any} connection @param {ClosedInfo} info */
  const noteEnd = (connection, info) => {
    const { code, reason, clean, by, cause } = info;
    ends.push({ path: connection.url.pathname, code, reason, clean, by, cause: cause?.code });
  };
  /** @param {any} connection @param {string | Uint8Array} message */
  const echo = (connection, message) => void connection.send(message);
  const server = await serve(
    {
      ...where,
      path: '/echo',
      protocols: ['chat.v1', 'chat.v2'],
      handshakeTimeoutMs: 1000,
      onError: () => undefined,
    },
    { message: echo, close: noteEnd },
  );
  server.endpoint('/refuse', {
    upgrade: () => new Response('not you\n', { status: 403, headers: { 'X-Why': 'so' } }),
  });
  server.endpoint('/fail', { upgrade: () => Promise.reject(new Error('no database')) });
  server.endpoint('/never', { upgrade: () => new Promise(() => undefined) });
  server.endpoint(
    '/close',
    {},
    { open: (/** @type {any} */ connection) => void connection.close(4002, 'enough') },
  );
  server.endpoint(
    '/away',
    {},
    { open: (/** @type {any} */ connection) => void connection.close(1001, 'away') },
  );
  server.endpoint(
    '/throw',
    {},
    {
      message: () => {
        throw new Error('oops');
      },
      close: noteEnd,
    },
  );
  server.endpoint('/small', { maxMessageBytes: 1000 }, { message: echo, close: noteEnd });
  server.endpoint(
    '/people/:name',
    {
      upgrade: async (/** @type {any} */ { params, remoteAddress, headers, url, isSecure, httpVersion }) => ({
        data: {
          ...params,
          remoteAddress,
          agent: headers.get('x-agent'),
          query: url.search,
          isSecure,
          httpVersion,
        },
        headers: { 'Set-Cookie': 'seen=yes' },
      }),
    },
    { open: (/** @type {any} */ connection) => void connection.send(JSON.stringify(connection.data)) },
  );
  server.endpoint(
    '/headers',
    { upgrade: (/** @type {any} */ { headers }) => ({ data: Object.fromEntries(headers) }) },
    {
      open: (/** @type {any} */ connection) => void connection.send(JSON.stringify(connection.data)),
    },
  );
  server.endpoint(
    '/room',
    {},
    {
      open: (/** @type {any} */ connection) => connection.subscribe('room'),
      message: (/** @type {any} */ connection, /** @type {string | Uint8Array} */ message) =>
        message === 'to all' ? server.publish('room', message) : connection.publish('room', message),
    },
  );
  server.endpoint(
    '/flood',
    { maxQueuedBytes: 1024 * 1024 },
    {
      open: (/** @type {any} */ connection) => {
        while (connection.send(new Uint8Array(64 * 1024)) !== false);
      },
      close: noteEnd,
    },
  );
  server.endpoint(
    '/ends',
    {},
    { open: (/** @type {any} */ connection) => void connection.send(JSON.stringify(ends)) },
  );
  return server;
}
