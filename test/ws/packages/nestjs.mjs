// The WsAdapter of NestJS: a gateway on the port of the application, and one on a path.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { done, next, requireDropIn, WebSocket } from './stage.mjs';

const require = createRequire(import.meta.url);
require('reflect-metadata');
const { Module } = require('@nestjs/common');
const { NestFactory } = require('@nestjs/core');
const { WsAdapter } = require('@nestjs/platform-ws');
const { MessageBody, SubscribeMessage, WebSocketGateway } = require('@nestjs/websockets');

requireDropIn('@nestjs/platform-ws');

/** A gateway without the syntax of decorators. */
function gateway(...parameters) {
  class Gateway {
    connected = 0;
    handleConnection(client) {
      assert(client instanceof WebSocket);
      this.connected++;
    }
    add([left, right]) {
      return { event: 'sum', data: left + right };
    }
  }
  SubscribeMessage('add')(
    Gateway.prototype,
    'add',
    Object.getOwnPropertyDescriptor(Gateway.prototype, 'add'),
  );
  MessageBody()(Gateway.prototype, 'add', 0);
  WebSocketGateway(...parameters)(Gateway);
  return Gateway;
}

class Application {
  // Filled by its decorator.
  started = true;
}
Module({ providers: [gateway(), gateway({ path: '/other' })] })(Application);
const app = await NestFactory.create(Application, { logger: false });
app.useWebSocketAdapter(new WsAdapter(app));
await app.listen(0, '127.0.0.1');
const { port } = app.getHttpServer().address();
for (const path of ['/', '/other']) {
  const client = new WebSocket(`ws://127.0.0.1:${port}${path}`);
  await next(client, 'open');
  client.send(JSON.stringify({ event: 'add', data: [1, 2] }));
  const [data] = await next(client, 'message');
  assert.deepEqual(JSON.parse(String(data)), { event: 'sum', data: 3 });
  client.close();
  await next(client, 'close');
}
const lost = new WebSocket(`ws://127.0.0.1:${port}/nowhere`);
await new Promise((resolve) => lost.once('error', resolve));
await app.close();
done();
