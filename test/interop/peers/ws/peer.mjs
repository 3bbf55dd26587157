// The interop peer over npm ws: an echo endpoint in either role.
// See test/interop/README.md for the contract (arguments, observations, commands).

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { createInterface } from 'node:readline';
import { WebSocket, WebSocketServer } from 'ws';

const subprotocols = ['echo.v1'];
const [role, ...rest] = process.argv.slice(2);
const option = (name) => (rest.includes(name) ? rest[rest.indexOf(name) + 1] : undefined);

/** What `perMessageDeflate` has to be for a setting in the notation of the header. */
function deflateOf(setting) {
  if (!setting) return {};
  if (setting === 'off') return { perMessageDeflate: false };
  const parameters = new Map(
    setting
      .split(';')
      .slice(1)
      .map((parameter) => parameter.trim().split('=')),
  );
  const bitsOf = (name) => Number(parameters.get(name) ?? 0) || undefined;
  return {
    perMessageDeflate: {
      threshold: 0,
      serverNoContextTakeover: parameters.has('server_no_context_takeover') || undefined,
      clientNoContextTakeover: parameters.has('client_no_context_takeover') || undefined,
      serverMaxWindowBits: bitsOf('server_max_window_bits'),
      clientMaxWindowBits: bitsOf('client_max_window_bits'),
    },
  };
}

function observe(observation) {
  process.stdout.write(`${JSON.stringify(observation)}\n`);
}

function converse(socket, id) {
  let fragments = 1;
  let compress = true;
  socket.on('message', (data, isBinary) => {
    if (!isBinary && data[0] === 0x21 /* ! */) {
      const [command, ...words] = data.toString().slice(1).split(' ');
      if (command === 'fragments') fragments = Number(words[0]);
      else if (command === 'plain') compress = false;
      else if (command === 'ping') socket.ping(words[0]);
      else if (command === 'close') socket.close(Number(words[0]), words.slice(1).join(' '));
      return;
    }
    const sha256 = createHash('sha256').update(data).digest('hex');
    observe({ id, event: 'message', type: isBinary ? 'binary' : 'text', bytes: data.length, sha256 });
    // Cut as bytes: a fragment of text may end inside a character.
    const size = Math.max(1, Math.ceil(data.length / fragments));
    fragments = 1;
    let from = 0;
    do {
      const to = from + size;
      socket.send(data.subarray(from, to), { binary: isBinary, compress, fin: to >= data.length });
      from = to;
    } while (from < data.length);
    compress = true;
  });
  socket.on('pong', (payload) => observe({ id, event: 'pong', payload: payload.toString() }));
  socket.on('close', (code, reason) => observe({ id, event: 'close', code, reason: reason.toString() }));
  socket.on('error', (error) => observe({ id, event: 'error', message: error.message }));
}

function serve() {
  const cert = option('--cert');
  const http = cert
    ? createTlsServer({ cert: readFileSync(cert), key: readFileSync(option('--key')) })
    : createServer();
  const server = new WebSocketServer({
    noServer: true,
    ...deflateOf(option('--deflate')),
    handleProtocols: (offered) => subprotocols.find((name) => offered.has(name)) ?? false,
  });
  http.on('upgrade', (request, socket, head) => {
    if (request.url.startsWith('/refuse/')) {
      // Until ws owns it, nobody listens to the socket's errors: a proxy may reset it.
      socket.on('error', () => {});
      socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 9\r\nConnection: close\r\n\r\nnot here\n');
      return;
    }
    server.handleUpgrade(request, socket, head, (webSocket) => {
      const id = request.url.split('/').at(-1);
      observe({ id, event: 'open', protocol: webSocket.protocol });
      converse(webSocket, id);
    });
  });
  http.listen(0, '127.0.0.1', () => observe({ port: http.address().port }));
}

async function dial() {
  const ca = option('--ca');
  const tls = ca ? { ca: readFileSync(ca) } : {};
  for await (const line of createInterface({ input: process.stdin })) {
    const [id, url, protocols, deflate] = line.split('\t');
    const options = { ...tls, ...deflateOf(deflate) };
    const socket = new WebSocket(url, protocols ? protocols.split(',') : [], options);
    socket.on('open', () => observe({ id, event: 'open', protocol: socket.protocol }));
    socket.on('unexpected-response', (_request, response) => {
      observe({ id, event: 'refused', status: response.statusCode });
      response.destroy();
    });
    converse(socket, id);
  }
}

if (role === 'server') {
  serve();
  // When the tests' end of this pipe is gone, nobody needs the server any more.
  process.stdin.resume().on('end', () => process.exit());
} else {
  await dial();
  process.exit();
}
