// What the clients of all runtimes connect to, in this process on Node: servers of ours over TCP, TLS and a unix socket, and
// the server of the WHATWG scenarios with what our classes give there on Node.

import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { serve, WebSocket, WebSocketError, WebSocketStream } from 'fullduplex';
import { scenarios, streamScenarios } from '../whatwg/scenarios.mjs';
import { startEchoServer } from './echo-server.mjs';
import { scenarioServer } from '../whatwg/scenario-server.mjs';

/**
 * @typedef {object} Stage
 * @property {string} addresses what client-checks.mjs wants to know, as JSON
 * @property {{ cert: string, key: string }} certificate
 * @property {() => Promise<void>} close
 */

/** @param {string} folder for the files that are made @returns {Promise<Stage>} */
export async function openStage(folder) {
  const [certFile, keyFile] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1,DNS:localhost'];
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  execFileSync(
    'openssl',
    ['req', '-x509', '-days', '2', ...subject, ...curve, '-keyout', keyFile, '-out', certFile],
    {
      stdio: 'ignore',
    },
  );
  const certificate = { cert: readFileSync(certFile, 'utf8'), key: readFileSync(keyFile, 'utf8') };
  const socketPath = join(folder, 'echo.sock');
  const servers = [
    await startEchoServer(serve, { port: 0, host: '127.0.0.1' }),
    await startEchoServer(serve, { port: 0, host: '127.0.0.1', tls: certificate }),
    await startEchoServer(serve, { socketPath }),
  ];
  const [plain, secure] = servers;
  // A client asks for compression; the other servers of these tests do without.
  plain.endpoint(
    '/deflate',
    { perMessageDeflate: { serverNoContextTakeover: false, clientNoContextTakeover: false } },
    { message: (/** @type {any} */ connection, /** @type {any} */ message) => void connection.send(message) },
  );
  const scenarioPeer = await scenarioServer();
  const scenarioUrl = `ws://127.0.0.1:${scenarioPeer.port}`;
  const platform = { WebSocket, WebSocketStream, WebSocketError, url: scenarioUrl };
  /** @type {Record<string, unknown>} */
  const expected = {};
  for (const [name, run] of Object.entries({ ...scenarios, ...streamScenarios }))
    expected[name] = await run(platform);
  const expectedFile = join(folder, 'expected.json');
  writeFileSync(expectedFile, JSON.stringify(expected));
  return {
    addresses: JSON.stringify({
      url: plain.url,
      secureUrl: secure.url,
      unixUrl: `ws+unix:${socketPath}`,
      scenarioUrl,
      certFile,
      expectedFile,
    }),
    certificate,
    close: async () => {
      await Promise.all(servers.map((server) => server.close({ timeoutMs: 500 })));
      await scenarioPeer.close();
    },
  };
}
