// graphql-ws, server and client: a subscription, a query, and the close codes of its protocol.
import assert from 'node:assert/strict';
import { buildSchema } from 'graphql';
import { createClient } from 'graphql-ws';
import { useServer } from 'graphql-ws/use/ws';
import { done, next, requireDropIn, startHttp, WebSocket } from './stage.mjs';

requireDropIn('graphql-ws');
const { server: http, port } = await startHttp();
const server = new WebSocket.Server({ server: http, path: '/graphql' });
const schema = buildSchema('type Query { hello: String } type Subscription { count(to: Int!): Int }');
async function* count({ to }) {
  for (let value = 1; value <= to; value++) yield { count: value };
}
const running = useServer(
  { schema, roots: { query: { hello: () => 'world' }, subscription: { count } } },
  server,
  50,
);
const client = createClient({ url: `ws://127.0.0.1:${port}/graphql`, webSocketImpl: WebSocket });
const results = async (query) => {
  const values = [];
  for await (const { data, errors } of client.iterate({ query })) values.push(data ?? errors);
  return values;
};
assert.deepEqual(JSON.parse(JSON.stringify(await results('{ hello }'))), [{ hello: 'world' }]);
assert.deepEqual(
  JSON.parse(JSON.stringify(await results('subscription { count(to: 3) }'))),
  [1, 2, 3].map((value) => ({ count: value })),
);
await client.dispose();
// Without its subprotocol it closes with 4406.
const stranger = new WebSocket(`ws://127.0.0.1:${port}/graphql`);
const [code] = await next(stranger, 'close');
assert.equal(code, 4406);
await running.dispose();
done();
