// A chat with rooms, written as any gateway of NestJS.

import {
  ConnectedSocket,
  MessageBody,
  type OnGatewayConnection,
  type OnGatewayDisconnect,
  SubscribeMessage,
  WebSocketGateway,
  WebSocketServer,
  WsException,
  type WsResponse,
} from '@nestjs/websockets';
import type { UpgradeRequest } from 'fullduplex';
import { GatewayClient, GatewayServer } from './fullduplex-adapter.js';

// The options of an endpoint of fullduplex are options here: `path`, `upgrade`, `allowedOrigins`, `maxMessageBytes`.
@WebSocketGateway({
  path: '/chat',
  upgrade: ({ url }: UpgradeRequest) =>
    url.searchParams.has('name') ? undefined : new Response('who are you?\n', { status: 401 }),
})
export class ChatGateway implements OnGatewayConnection<GatewayClient>, OnGatewayDisconnect<GatewayClient> {
  @WebSocketServer()
  private readonly server!: GatewayServer;
  readonly #names = new Map<GatewayClient, string>();

  handleConnection(client: GatewayClient, { url }: UpgradeRequest): void {
    this.#names.set(client, url.searchParams.get('name') ?? '');
    this.server.emit('online', this.#names.size);
  }

  handleDisconnect(client: GatewayClient): void {
    this.#names.delete(client);
    this.server.emit('online', this.#names.size);
  }

  @SubscribeMessage('join')
  join(@MessageBody() room: unknown, @ConnectedSocket() client: GatewayClient): WsResponse<string> {
    if (typeof room !== 'string') throw new WsException('a room has a name');
    client.join(room);
    return { event: 'joined', data: room };
  }

  @SubscribeMessage('say')
  async say(
    @MessageBody() { room, text }: { room: string; text: string },
    @ConnectedSocket() client: GatewayClient,
  ): Promise<void> {
    this.server.to(room).emit('said', { name: this.#names.get(client), text });
  }
}
