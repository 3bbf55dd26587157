// Our client with handlers: connect() with its defaults.
import { connect } from 'fullduplex';
import { packageVersion } from '../../servers/side-channel.mjs';
import { runLoadClient } from './load-client.mjs';

await runLoadClient(
  { name: 'fullduplex', version: packageVersion('fullduplex'), note: 'connect()' },
  async (url, receive) => {
    const connection = await connect(url, {}, { message: (_, message) => receive(message) });
    return (data) => connection.send(data);
  },
);
