// Our server with its defaults, but for the rate of a session, to which no load generator keeps: a channel of which everything is kept,
// and two calls that give back their input. One may run at most once, which is the default; the other is declared idempotent.
import { Hub, serveRealtime, typed } from 'fullduplex/realtime';
import { announce, packageVersion } from '../../servers/side-channel.mjs';

const message = typed();
const hub = new Hub(
  {
    version: '1.0',
    channels: { 'chat:{room}': { events: { message } } },
    calls: {
      echo: { input: message, output: message },
      echoIdempotent: { input: message, output: message, idempotent: true },
    },
  },
  { sessionRate: false },
);
hub.channel('chat:{room}', { publish: () => true });
hub.call('echo', (input) => input);
hub.call('echoIdempotent', (input) => input);
const server = await serveRealtime(hub, { host: '127.0.0.1', port: 0, path: '/realtime' });
announce({ name: 'fullduplex', version: packageVersion('fullduplex'), port: server.port });
