// The process whose memory is measured: a server or a client of ours that produces for a peer, or consumes what a peer
// produces, by one of the ways there are. It does what its parent says (subject.ts) and answers each request.
//   node --expose-gc subject.mjs

import { connect as connectSocket } from 'node:net';
import { connect, serve, WebSocket, WebSocketStream } from '../../../dist/index.js';
import { faultOf, numbered } from './numbered.mjs';

const topic = 'numbers';
let config;
let server;
let connection;
let socket;
let streams;
let ending;
let produced = 0;
let consumed = 0;
const is = { producing: false };
let production = Promise.resolve();
let baseline = 0;
let baselineRss = 0;
const faults = [];
// Consumers stop for good after so many messages, until they are told to go on.
let consumeUntil = 0;
let goOn = () => undefined;
let gate = Promise.resolve();

const fault = (claim) => {
  if (claim !== undefined && faults.length < 10) faults.push(claim);
};

function take(bytes) {
  fault(faultOf(bytes, consumed));
  consumed++;
}

function mayConsume() {
  if (consumed >= consumeUntil) {
    gate = new Promise((resolve) => {
      goOn = resolve;
    });
  }
  return gate;
}

const size = () => config.messageBytes;
// What waits for nobody fills the buffers of the system first, with messages that are large.
const fillBytes = 64 * 1024;
const sizeAt = (bufferedAmount) => (bufferedAmount === 0 ? Math.max(fillBytes, size()) : size());

async function everyTurn(target, send) {
  while (is.producing && (target.readyState === 'open' || target.readyState === 1)) {
    for (let sent = 0; sent < config.perTurn && target.bufferedAmount < config.stopAtBytes; sent++) {
      send(numbered(produced++, sizeAt(target.bufferedAmount)));
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** How a way of sending produces: it ends when `is.producing` is off, or the connection is. */
const producers = {
  async send() {
    while (is.producing && (await connection.send(numbered(produced, size())))) produced++;
  },
  // Nobody waits for anything: a message in every turn of the event loop, as a timer or a feed sends.
  turns() {
    return everyTurn(connection, (bytes) => connection.send(bytes));
  },
  publish() {
    return everyTurn(connection, (bytes) => server.publish(topic, bytes));
  },
  async sendStream() {
    const pieces = function* () {
      while (is.producing) yield numbered(produced++, size());
    };
    fault((await connection.sendStream('binary', pieces())) ? undefined : 'the stream was refused');
  },
  webSocket() {
    return everyTurn(socket, (bytes) => socket.send(bytes));
  },
  async webSocketStream() {
    const writer = streams.writable.getWriter();
    while (is.producing) {
      await writer.ready;
      await writer.write(numbered(produced, size()));
      produced++;
    }
    writer.releaseLock();
  },
};

/** How a way of receiving consumes. */
const consumers = {
  async iterator() {
    for await (const message of connection) {
      await mayConsume();
      take(message);
    }
  },
  async streams() {
    for await (const { chunks } of connection.messageStreams()) {
      const parts = [];
      for await (const chunk of chunks) {
        await mayConsume();
        parts.push(chunk);
      }
      take(new Uint8Array(Buffer.concat(parts)));
    }
  },
  async webSocketStream() {
    for await (const message of streams.readable) {
      await mayConsume();
      take(message);
    }
  },
};

function handleMessage(current, message) {
  if (config.consumer === 'echo') {
    void current.send(message);
    consumed++;
    return;
  }
  take(message);
  if (consumed === consumeUntil) {
    current.pause();
    goOn = () => current.resume();
  }
}

const handlersOf = () =>
  config.consumer === 'handler' || config.consumer === 'echo' ? { message: handleMessage } : {};

function opened(current) {
  connection = current;
  ending = current.closed;
  if (config.whenSlow !== undefined) current.subscribe(topic, { whenSlow: config.whenSlow });
  const consume = config.consumer === undefined ? undefined : consumers[config.consumer];
  if (consume !== undefined) consume().catch((error) => fault(String(error)));
}

async function openClass(Class, clientOptions) {
  if (Class === WebSocket) {
    socket = new WebSocket(config.url, [], clientOptions);
    socket.binaryType = 'arraybuffer';
    socket.onmessage = ({ data }) => take(new Uint8Array(data));
    await new Promise((resolve, reject) => {
      socket.onopen = resolve;
      socket.onerror = () => reject(new Error('no connection'));
    });
    ending = new Promise((resolve) => {
      socket.onclose = resolve;
    });
    return;
  }
  const stream = new WebSocketStream(config.url, clientOptions);
  streams = await stream.opened;
  ending = stream.closed;
  consumers[config.consumer]?.().catch((error) => fault(String(error)));
}

const requests = {
  async start(given) {
    config = { perTurn: 1, ...given };
    consumeUntil = config.consumeUntil ?? Infinity;
    const options = { pingIntervalMs: 0, onError: (error) => fault(String(error)), ...config.options };
    if (config.role === 'server') {
      const where =
        config.socketPath === undefined ? { port: 0, host: '127.0.0.1' } : { socketPath: config.socketPath };
      server = await serve({ ...where, ...options }, { open: opened, ...handlersOf() });
      return { url: server.url };
    }
    const { createSocketPath, ...clientOptions } = options;
    if (createSocketPath !== undefined)
      clientOptions.createConnection = () => connectSocket(createSocketPath);
    if (config.producer === 'webSocket' || config.consumer === 'webSocket')
      await openClass(WebSocket, clientOptions);
    else if (config.producer === 'webSocketStream' || config.consumer === 'webSocketStream')
      await openClass(WebSocketStream, clientOptions);
    else opened(await connect(config.url, clientOptions, handlersOf()));
    return {};
  },
  produce() {
    is.producing = true;
    production = producers[config.producer]().catch((error) => fault(String(error)));
    return {};
  },
  /** Needs a peer that reads: what is under way is finished. */
  async stopProducing() {
    is.producing = false;
    await production;
    return { produced };
  },
  /** Lets consumers take everything, or so many messages in all. */
  consume({ until }) {
    consumeUntil = until ?? Infinity;
    goOn();
    return {};
  },
  stopAt({ bytes, perTurn }) {
    config = { ...config, stopAtBytes: bytes ?? Infinity, perTurn };
    return {};
  },
  look() {
    const bufferedAmount = (connection ?? socket)?.bufferedAmount ?? 0;
    return { produced, consumed, bufferedAmount, faults };
  },
  /** What is kept after garbage collection, beside what was kept when `baseline` was asked for. */
  async measure({ isBaseline = false }) {
    for (let round = 0; round < 3; round++) {
      globalThis.gc();
      await new Promise((resolve) => setImmediate(resolve));
    }
    const { heapUsed, external, rss } = process.memoryUsage();
    // `external` has the memory of array buffers too.
    const kept = heapUsed + external;
    if (isBaseline) {
      baseline = kept;
      baselineRss = rss;
    }
    return { ...requests.look(), retainedBytes: kept - baseline, residentBytes: rss - baselineRss };
  },
  async ended() {
    const info = await ending;
    return { code: info.code, cause: info.cause?.code };
  },
};

process.on('message', ({ id, act, ...given }) => {
  void (async () => {
    try {
      process.send({ id, answer: await requests[act](given) });
    } catch (error) {
      process.send({ id, error: error instanceof Error ? error.stack : String(error) });
    }
  })();
});
process.on('disconnect', () => process.exit(0));
