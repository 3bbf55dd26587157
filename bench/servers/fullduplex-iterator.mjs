// Our server as a loop over the messages of each connection. Receiving pauses while replies wait (pauseOnBackpressure),
// so the loop need not.
import { serve } from 'fullduplex';
import { announce, packageVersion } from './side-channel.mjs';

const server = await serve(
  { host: '127.0.0.1', port: 0 },
  {
    async open(connection) {
      for await (const message of connection) connection.send(message);
    },
  },
);
announce({ name: 'fullduplex', version: packageVersion('fullduplex'), note: 'for await', port: server.port });
