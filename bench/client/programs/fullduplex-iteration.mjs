// Our client read by `for await`, one loop for each connection.
import { connect } from 'fullduplex';
import { packageVersion } from '../../servers/side-channel.mjs';
import { runLoadClient } from './load-client.mjs';

const identity = { name: 'fullduplex', version: packageVersion('fullduplex'), note: 'for await' };
await runLoadClient(identity, async (url, receive) => {
  const connection = await connect(url);
  const read = async () => {
    for await (const message of connection) receive(message);
  };
  void read();
  return (data) => connection.send(data);
});
