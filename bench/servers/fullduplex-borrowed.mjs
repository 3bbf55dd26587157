// Our server with binary messages that are valid during the handler only, which is all that an echo needs of them.
import { serve } from 'fullduplex';
import { announce, packageVersion, tls } from './side-channel.mjs';

const server = await serve(
  { host: '127.0.0.1', port: 0, binaryMessages: 'borrowed', ...(tls ? { tls } : {}) },
  {
    message(connection, message) {
      connection.send(message);
    },
  },
);
announce({
  name: 'fullduplex',
  version: packageVersion('fullduplex'),
  note: "binaryMessages: 'borrowed'",
  port: server.port,
});
