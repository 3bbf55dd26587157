// What scripts can see of a WebSocket, as scenarios that give plain data: run with our class on Node and with a
// browser's own class, the results must be equal. Plain JavaScript, because the browser loads this file as it is.

/**
 * @typedef {object} Platform
 * @property {any} WebSocket the class under test
 * @property {any} WebSocketStream its sibling
 * @property {any} WebSocketError the exception of that
 * @property {string} url of the server of scenario-server.mjs, ws:
 */

/** @param {Blob} blob */
const textOf = async (blob) => `blob ${await blob.text()}`;

/** @param {unknown} data */
const describeData = async (data) => {
  if (data instanceof Blob) return textOf(data);
  if (data instanceof ArrayBuffer) return `buffer ${new Uint8Array(data).join(' ')}`;
  return `text ${String(data)}`;
};

/** @param {() => unknown} action */
const outcomeOf = (action) => {
  try {
    return typeof action();
  } catch (error) {
    return error instanceof Error || error instanceof DOMException ? error.name : 'something else';
  }
};

/**
 * Opens a socket and gives what happens until it is closed.
 * @param {Platform} platform @param {string} path
 * @param {(socket: any, log: unknown[]) => void} [prepare] @param {string[]} [protocols]
 * @returns {Promise<unknown[]>}
 */
const follow = (platform, path, prepare, protocols = []) =>
  new Promise((resolve) => {
    const socket = new platform.WebSocket(platform.url + path, protocols);
    /** @type {unknown[]} */
    const log = [];
    socket.addEventListener('open', () => log.push(['open', socket.readyState, socket.protocol]));
    socket.addEventListener('message', (/** @type {MessageEvent} */ { data }) => log.push(['message', data]));
    socket.addEventListener('error', () => log.push(['error', socket.readyState]));
    socket.addEventListener('close', (/** @type {CloseEvent} */ { code, reason, wasClean }) => {
      log.push(['close', socket.readyState, code, reason, wasClean, socket.bufferedAmount]);
    });
    prepare?.(socket, log);
    socket.addEventListener('close', async () => {
      resolve(
        await Promise.all(
          log.map(async (entry) =>
            Array.isArray(entry) && entry[0] === 'message'
              ? ['message', await describeData(entry[1])]
              : entry,
          ),
        ),
      );
    });
  });

/** @type {Record<string, (platform: Platform) => unknown>} */
export const scenarios = {
  'URLs that the constructor refuses': ({ WebSocket }) =>
    ['ws://', 'ws://h:99999', 'ftp://h', 'mailto:x', 'ws://h/#', 'ws://h/#f', 'ws://h/%zz#'].map((url) => [
      url,
      outcomeOf(() => new WebSocket(url)),
    ]),
  'subprotocols that the constructor refuses': ({ WebSocket, url }) =>
    ['', 'a b', 'a,b', 'ä', 'a/b', ['a', 'a'], ['a', ''], {}, 'a\u0000', '"a"', 'a\t'].map((protocols) => [
      protocols,
      outcomeOf(() => new WebSocket(`${url}/echo`, protocols)),
    ]),
  'arguments that are missing': ({ WebSocket, url }) => [
    outcomeOf(() => new WebSocket()),
    outcomeOf(() => WebSocket(`${url}/echo`)),
    outcomeOf(() => new WebSocket(Symbol('x'))),
    outcomeOf(() => WebSocket.prototype.send.call({}, 'x')),
    outcomeOf(() => WebSocket.prototype.readyState),
  ],
  'the shape of the interface': ({ WebSocket }) => [
    WebSocket.name,
    WebSocket.length,
    WebSocket.prototype.send.length,
    WebSocket.prototype.close.length,
    Object.keys(WebSocket.prototype).sort(),
    Object.keys(WebSocket).sort(),
    Object.getOwnPropertyDescriptor(WebSocket, 'OPEN'),
    Object.getOwnPropertyDescriptor(WebSocket.prototype, 'OPEN'),
    Object.getOwnPropertyDescriptor(WebSocket.prototype, Symbol.toStringTag),
    WebSocket.prototype instanceof EventTarget,
  ],
  'a new socket': ({ WebSocket, url }) => {
    const socket = new WebSocket(`${url.replace('ws:', 'http:')}/echo?ü`);
    const seen = [socket.url === `${url}/echo?%C3%BC`, socket.readyState, socket.bufferedAmount];
    const more = [socket.protocol, socket.extensions, socket.binaryType, socket.onopen];
    const send = outcomeOf(() => socket.send('x'));
    socket.close();
    return [...seen, ...more, send, socket.readyState];
  },
  'what close() allows': async (platform) => {
    // No halves: Chromium cuts them off where Web IDL rounds to the even neighbour.
    const codes = [0, 999, 1000, 1000.4, 1001, 1005, 1006, 1011, 2999, 3000, 3000.4, 4999, 5000];
    const odd = [70_000, -1, NaN, null, undefined, '3000', 'x', true, {}];
    const reasons = [
      'x'.repeat(123),
      'x'.repeat(124),
      'ü'.repeat(62),
      '\ud800'.repeat(41),
      '\ud800'.repeat(42),
    ];
    const { WebSocket, url } = platform;
    const after = (/** @type {unknown[]} */ ...given) => {
      const socket = new WebSocket(`${url}/echo`);
      const outcome = outcomeOf(() => socket.close(...given));
      return [outcome, socket.readyState];
    };
    return [[...codes, ...odd].map((code) => after(code)), reasons.map((reason) => after(3000, reason))];
  },
  'an echo of every kind of data': (platform) =>
    follow(platform, '/echo', (socket, log) => {
      const bytes = new Uint8Array([1, 2, 3, 4, 5, 6]);
      socket.onopen = () => {
        const sent = [
          'text',
          '\ud800!',
          '',
          bytes,
          bytes.subarray(2, 4),
          bytes.buffer,
          new DataView(bytes.buffer, 5),
        ];
        for (const data of [...sent, new Blob(['first']), 'behind', new Blob([]), 7, null, {}]) {
          socket.send(data);
          log.push(['buffered', socket.bufferedAmount]);
        }
        bytes.fill(0);
      };
      let count = 0;
      socket.onmessage = () => {
        if (++count === 13) socket.close(3000, 'done');
      };
    }),
  'an echo with answers, as Blob and as ArrayBuffer': (platform) =>
    follow(platform, '/echo', (socket) => {
      let count = 0;
      socket.onopen = () => socket.send(new Uint8Array([65]));
      socket.onmessage = () => {
        if (++count === 1) socket.binaryType = 'arraybuffer';
        if (count === 2) socket.binaryType = 'nonsense';
        if (count < 4) socket.send(new Uint8Array([65 + count]));
        else socket.close(4000);
      };
    }),
  'microtasks between messages': (platform) =>
    follow(platform, '/burst', (socket, log) => {
      socket.addEventListener('message', async (/** @type {MessageEvent} */ { data }) => {
        await Promise.resolve();
        await Promise.resolve().then(() => Promise.resolve());
        log.push(['later', data]);
      });
    }),
  'the order of handlers and listeners': (platform) =>
    follow(platform, '/burst', (socket, log) => {
      socket.onmessage = () => log.push('never');
      socket.addEventListener('message', () => log.push('listener'));
      socket.onmessage = () => {
        log.push('handler');
        // Set again it stands behind the listener; from the next event on, as Node calls listeners that are added
        // while an event is dispatched, and the DOM does not.
        socket.onmessage = null;
        queueMicrotask(() => (socket.onmessage = () => log.push('handler again')));
      };
    }),
  'close() in a message listener': (platform) =>
    follow(platform, '/burst', (socket, log) => {
      socket.onmessage = () => {
        socket.close(3001);
        log.push(['closing', socket.readyState]);
      };
    }),
  'close() while connecting': (platform) =>
    follow(platform, '/echo', (socket) => socket.close(3000, 'ignored')),
  'close() in the open event, with nothing': (platform) =>
    follow(platform, '/echo', (socket) => {
      socket.onopen = () => socket.close();
    }),
  'sending after close()': (platform) =>
    follow(platform, '/echo', (socket, log) => {
      socket.onopen = () => {
        socket.close();
        socket.send('12345');
        socket.send(new Blob(['123']));
        log.push(['buffered', socket.bufferedAmount]);
      };
      socket.onclose = () => {
        socket.send(new Uint8Array(2));
        log.push(['buffered', socket.bufferedAmount]);
      };
    }),
  'a server that closes with code and reason': (platform) => follow(platform, '/close?code=4001&reason=bye'),
  'a server that closes with 1001': (platform) => follow(platform, '/close?code=1001'),
  'a server that closes without a code': (platform) => follow(platform, '/close'),
  'a handshake that is refused': (platform) => follow(platform, '/refuse'),
  'a subprotocol that is picked': (platform) =>
    follow(platform, '/echo', (socket) => (socket.onopen = () => socket.close()), ['a', 'b']),
  'a subprotocol that is not picked': (platform) => follow(platform, '/no-protocol', undefined, ['a', 'b']),
  'a frame that breaks the protocol': (platform) => follow(platform, '/break'),
  // Whether an error event comes first is left out: RFC 6455 7.2.1 has a lost connection failed, which the standard
  // makes an error event; Chromium has none.
  'a connection that is cut': async (platform) =>
    (await follow(platform, '/cut')).filter((entry) => !Array.isArray(entry) || entry[0] !== 'error'),
};

/** @param {Promise<unknown>} promise */
const settled = (promise) =>
  promise.then(
    (value) => ['fulfilled', value],
    (reason) => ['rejected', reason?.name ?? reason, reason?.closeCode, reason?.reason],
  );

/** @param {Platform} platform @param {string} path @param {object} [options] */
const openStream = async ({ WebSocketStream, url }, path, options) => {
  const stream = new WebSocketStream(url + path, options);
  const { readable, writable, extensions, protocol } = await stream.opened;
  return { stream, readable, writable, agreed: [extensions, protocol] };
};

/** @type {Record<string, (platform: Platform) => unknown>} */
export const streamScenarios = {
  'arguments that the constructor refuses': ({ WebSocketStream, url }) =>
    [
      [],
      ['ftp://h'],
      ['ws://h/#'],
      [url, 'chat'],
      [url, { protocols: 'chat' }],
      [url, { protocols: ['a', 'a'] }],
      [url, { protocols: ['a b'] }],
      [url, { signal: {} }],
    ].map((given) => outcomeOf(() => new WebSocketStream(...given))),
  'the shape of the interface': ({ WebSocketStream, WebSocketError }) => [
    WebSocketStream.name,
    WebSocketStream.length,
    WebSocketStream.prototype.close.length,
    Object.keys(WebSocketStream.prototype).sort(),
    WebSocketError.name,
    WebSocketError.length,
    Object.keys(WebSocketError.prototype).sort(),
    WebSocketError.prototype instanceof DOMException,
  ],
  'WebSocketError and its arguments': ({ WebSocketError }) => {
    const construct = (/** @type {unknown[]} */ ...given) => {
      try {
        const { name, message, code, closeCode, reason } = new WebSocketError(...given);
        return [name, message, code, closeCode, reason];
      } catch (error) {
        return error instanceof Error || error instanceof DOMException ? error.name : 'something else';
      }
    };
    // None out of range: [EnforceRange] makes that a TypeError, Chromium clamps.
    const codes = [1000, 3000, 4999, 1001, 999, 5000, null, '3000', 3000.5, undefined];
    return [
      construct(),
      construct('message'),
      construct('message', { reason: 'why' }),
      construct('message', { reason: '' }),
      construct('message', { reason: 'x'.repeat(124) }),
      construct('message', 'text'),
      ...codes.map((closeCode) => construct('', { closeCode })),
    ];
  },
  'an echo and a close of ours': async (platform) => {
    const { stream, readable, writable, agreed } = await openStream(platform, '/echo', {
      protocols: ['a', 'b'],
    });
    const writer = writable.getWriter();
    const reader = readable.getReader();
    const log = [];
    for (const chunk of ['text', new Uint8Array([1, 2]), new ArrayBuffer(1), 7, null]) {
      await writer.write(chunk);
      const { value } = await reader.read();
      // Chromium gives an ArrayBuffer where the standard-to-be gives a Uint8Array.
      log.push(typeof value === 'string' ? value : [...new Uint8Array(value.buffer ?? value)]);
    }
    stream.close({ closeCode: 3000, reason: 'done' });
    const closed = await settled(stream.closed);
    return [agreed, log, closed, await settled(reader.read()), await settled(writer.write('x'))];
  },
  'a close of theirs': async (platform) => {
    const { stream, readable, writable } = await openStream(platform, '/burst');
    const chunks = [];
    for await (const chunk of readable) chunks.push(chunk);
    return [chunks, await settled(stream.closed), await settled(writable.getWriter().write('x'))];
  },
  'a close of theirs without a code': async (platform) => {
    const { stream } = await openStream(platform, '/close');
    return settled(stream.closed);
  },
  'what close() allows': async (platform) => {
    const infos = [true, 'x', { closeCode: 1001 }, { closeCode: 5000 }, { reason: 'x'.repeat(124) }];
    const { stream } = await openStream(platform, '/echo');
    const outcomes = infos.map((info) => outcomeOf(() => stream.close(info)));
    stream.close({ reason: 'alone' });
    return [outcomes, await settled(stream.closed)];
  },
  'closing the writable side': async (platform) => {
    const { stream, writable } = await openStream(platform, '/echo');
    const writer = writable.getWriter();
    const closing = await settled(writer.close());
    return [closing, await settled(stream.closed), await settled(writer.closed)];
  },
  'abort() and cancel()': async (platform) => {
    const { WebSocketError } = platform;
    const reasons = [
      undefined,
      { closeCode: 3000 },
      new WebSocketError('', { closeCode: 3456, reason: 'why' }),
    ];
    const log = [];
    for (const reason of [...reasons, new WebSocketError('', { reason: 'alone' })]) {
      const aborted = await openStream(platform, '/echo');
      await aborted.writable.abort(reason);
      log.push(await settled(aborted.stream.closed));
      const canceled = await openStream(platform, '/echo');
      await canceled.readable.cancel(reason);
      log.push(await settled(canceled.stream.closed));
    }
    return log;
  },
  'a handshake that is refused': async ({ WebSocketStream, url }) => {
    const stream = new WebSocketStream(`${url}/refuse`);
    const [, ...opened] = await settled(stream.opened);
    return [opened[0], (await settled(stream.closed)).slice(0, 2)];
  },
  'close() during the handshake': async ({ WebSocketStream, url }) => {
    const stream = new WebSocketStream(`${url}/echo`);
    stream.close({ closeCode: 3000 });
    return [(await settled(stream.opened)).slice(0, 2), (await settled(stream.closed)).slice(0, 2)];
  },
  'a signal during the handshake': async ({ WebSocketStream, url }) => {
    const controller = new AbortController();
    const stream = new WebSocketStream(`${url}/echo`, { signal: controller.signal });
    // With no reason of its own, which Chromium does not hand on.
    controller.abort();
    return [await settled(stream.opened), await settled(stream.closed)];
  },
  'a signal before the handshake': async ({ WebSocketStream, url }) => {
    const stream = new WebSocketStream(`${url}/echo`, { signal: AbortSignal.abort() });
    return [await settled(stream.opened), await settled(stream.closed)];
  },
  'a connection that is cut': async (platform) => {
    const { stream, readable, writable } = await openStream(platform, '/cut-when-told');
    const writer = writable.getWriter();
    await writer.write('now');
    const reader = readable.getReader();
    const { value } = await reader.read();
    const closed = await settled(stream.closed);
    return [value, closed, await settled(reader.read()), await settled(writer.write('x'))];
  },
};
