// Our server with a channel for each policy. Its heartbeats are far apart: a subscriber that does not read does not answer them either, and
// would be ended in the middle of the measurement.
import { Hub, serveRealtime, typed } from 'fullduplex/realtime';
import { announce, packageVersion } from '../../servers/side-channel.mjs';

const HEARTBEAT_MS = 3_600_000;

const events = { message: typed() };
const hub = new Hub(
  {
    version: '1.0',
    channels: {
      recover: { events },
      conflate: { events },
      drop: { events },
      close: { events },
      latest: { delivery: 'latest', events },
      volatile: { delivery: 'volatile', events },
    },
  },
  { heartbeatMs: HEARTBEAT_MS, heartbeatTimeoutMs: HEARTBEAT_MS, sessionRate: false },
);
const publish = () => true;
for (const whenSlow of /** @type {const} */ (['recover', 'conflate', 'drop', 'close']))
  hub.channel(whenSlow, { publish, whenSlow });
hub.channel('latest', { publish });
hub.channel('volatile', { publish });
const server = await serveRealtime(hub, { host: '127.0.0.1', port: 0, path: '/realtime' });
announce(
  { name: 'fullduplex', version: packageVersion('fullduplex'), port: server.port },
  {
    slow: () => {
      const { slowConsumers, bufferedBytes } = hub.snapshot();
      return { slowConsumers, bufferedBytes };
    },
  },
);
