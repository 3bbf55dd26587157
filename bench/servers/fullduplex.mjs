// Our server with its defaults, imported by name as a user would.
import { serve } from 'fullduplex';
import { announce, packageVersion, tls, workload } from './side-channel.mjs';

const options = workload.deflate ? { perMessageDeflate: { ...workload.deflate, thresholdBytes: 0 } } : {};
const server = await serve(
  { host: '127.0.0.1', port: 0, ...(tls ? { tls } : {}), ...options },
  {
    message(connection, message) {
      connection.send(message);
    },
  },
);
server.endpoint('/subscribe', options, {
  open(connection) {
    connection.subscribe('news');
  },
});
server.endpoint(
  '/publish',
  {},
  {
    message(_, message) {
      server.publish('news', message);
    },
  },
);
announce({ name: 'fullduplex', version: packageVersion('fullduplex'), port: server.port });
