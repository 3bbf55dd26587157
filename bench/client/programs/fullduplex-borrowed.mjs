// Our client with handlers and `binaryMessages: 'borrowed'`: binary messages are views that are valid during the handler.
import { connect } from 'fullduplex';
import { packageVersion } from '../../servers/side-channel.mjs';
import { runLoadClient } from './load-client.mjs';

const identity = { name: 'fullduplex', version: packageVersion('fullduplex'), note: 'connect(), borrowed' };
await runLoadClient(identity, async (url, receive) => {
  const options = /** @type {const} */ ({ binaryMessages: 'borrowed' });
  const connection = await connect(url, options, { message: (_, message) => receive(message) });
  return (data) => connection.send(data);
});
