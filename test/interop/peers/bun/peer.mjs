// The interop peer over Bun's own server and client: an echo endpoint in either role.
// See test/interop/README.md for the contract (arguments, observations, commands). Bun has no way to send a message in
// fragments, so the command `!fragments` is not used with it.

import { createHash } from 'node:crypto';
import { createInterface } from 'node:readline';

const subprotocols = ['echo.v1'];
const [role, ...rest] = process.argv.slice(2);
const option = (name) => (rest.includes(name) ? rest[rest.indexOf(name) + 1] : undefined);

function observe(observation) {
  process.stdout.write(`${JSON.stringify(observation)}\n`);
}

function facts(data) {
  const sha256 = createHash('sha256').update(data).digest('hex');
  return { type: typeof data === 'string' ? 'text' : 'binary', bytes: Buffer.byteLength(data), sha256 };
}

/** What `perMessageDeflate` of its server has to be for a setting in the notation of the header. */
function deflateOf(setting) {
  if (!setting || setting === 'off') return false;
  const has = (name) => setting.includes(name);
  return {
    compress: has('server_no_context_takeover') ? 'shared' : 'dedicated',
    decompress: has('client_no_context_takeover') ? 'shared' : 'dedicated',
  };
}

function serve() {
  const cert = option('--cert');
  const server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    tls: cert ? { cert: Bun.file(cert), key: Bun.file(option('--key')) } : undefined,
    fetch(request) {
      const [, kind, id] = new URL(request.url).pathname.split('/');
      if (kind === 'refuse') return new Response('not here\n', { status: 403 });
      const offered = (request.headers.get('sec-websocket-protocol') ?? '')
        .split(',')
        .map((name) => name.trim());
      const protocol = subprotocols.find((name) => offered.includes(name));
      const headers = protocol === undefined ? {} : { 'Sec-WebSocket-Protocol': protocol };
      // Bun answers the handshake by itself once it has accepted it.
      if (server.upgrade(request, { headers, data: { id, protocol, compress: true } })) return undefined;
      return new Response('expected a WebSocket\n', { status: 400 });
    },
    websocket: {
      perMessageDeflate: deflateOf(option('--deflate')),
      open: ({ data: { id, protocol } }) => observe({ id, event: 'open', protocol: protocol ?? '' }),
      message(socket, data) {
        const { id, compress } = socket.data;
        if (typeof data === 'string' && data.startsWith('!')) {
          const [command, ...words] = data.slice(1).split(' ');
          if (command === 'plain') socket.data.compress = false;
          else if (command === 'ping') socket.ping(words[0]);
          else if (command === 'close') socket.close(Number(words[0]), words.slice(1).join(' '));
          return;
        }
        observe({ id, event: 'message', ...facts(data) });
        socket.send(data, compress);
        socket.data.compress = true;
      },
      pong: ({ data: { id } }, payload) => observe({ id, event: 'pong', payload: payload.toString() }),
      close: ({ data: { id } }, code, reason) => observe({ id, event: 'close', code, reason }),
    },
  });
  observe({ port: server.port });
}

async function dial() {
  const ca = option('--ca');
  const tls = ca ? { tls: { ca: Bun.file(ca) } } : {};
  for await (const line of createInterface({ input: process.stdin })) {
    const [id, url, protocols, deflate] = line.split('\t');
    const offer = deflate ? { perMessageDeflate: deflate !== 'off' } : {};
    const socket = new WebSocket(url, { protocols: protocols ? protocols.split(',') : [], ...tls, ...offer });
    socket.binaryType = 'nodebuffer';
    socket.onopen = () => observe({ id, event: 'open', protocol: socket.protocol });
    socket.onmessage = ({ data }) => {
      if (typeof data === 'string' && data.startsWith('!')) {
        const [command, ...words] = data.slice(1).split(' ');
        if (command === 'close') socket.close(Number(words[0]), words.slice(1).join(' '));
        else if (command === 'ping') socket.ping(words[0]);
        return;
      }
      observe({ id, event: 'message', ...facts(data) });
      socket.send(data);
    };
    socket.addEventListener('pong', ({ data }) => observe({ id, event: 'pong', payload: String(data) }));
    socket.onclose = ({ code, reason, wasClean }) => observe({ id, event: 'close', code, reason, wasClean });
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
