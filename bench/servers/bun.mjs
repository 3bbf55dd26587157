// Bun's own server, run by Bun. Its WebSockets are uWebSockets, driven from JavaScript.
import { announce, tls, workload } from './side-channel.mjs';

const compresses = workload.deflate !== undefined;
const server = Bun.serve({
  hostname: '127.0.0.1',
  port: 0,
  tls,
  fetch(request, self) {
    const isUpgraded = self.upgrade(request, { data: { path: new URL(request.url).pathname } });
    return isUpgraded ? undefined : new Response('', { status: 426 });
  },
  websocket: {
    // Its level of compression cannot be chosen. Above the default of 1 MiB messages would be dropped.
    perMessageDeflate: compresses && { compress: 'shared', decompress: 'shared' },
    backpressureLimit: 64 * 1024 * 1024,
    open(socket) {
      if (socket.data.path === '/subscribe') socket.subscribe('news');
    },
    message(socket, message) {
      if (socket.data.path === '/publish') server.publish('news', message, compresses);
      else socket.send(message, compresses);
    },
  },
});
announce({ name: 'Bun', version: Bun.version, runtime: undefined, port: server.port });
