// Our echo server for messages up to 16 MiB: beyond its defaults, a reply of that size with its header may wait.
import { serve } from 'fullduplex';
import { announce, packageVersion } from '../../servers/side-channel.mjs';

const MIB = 1024 * 1024;

const server = await serve(
  { host: '127.0.0.1', port: 0, maxQueuedBytes: 64 * MIB },
  {
    message(connection, message) {
      connection.send(message);
    },
  },
);
announce({ name: 'fullduplex', version: packageVersion('fullduplex'), port: server.port });
