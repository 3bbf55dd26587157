import { expect, test } from 'vitest';
import { connect, serve } from '../../src/index.ts';
import { selfSignedCertificate } from './certificate.ts';

test.each([true, false])(
  'what the open handler sends arrives, although TLS still holds the answer to the handshake (HTTP/2: %s)',
  async (http2) => {
    const { key, cert } = selfSignedCertificate();
    await using server = await serve(
      { port: 0, host: '127.0.0.1', tls: { key, cert } },
      { open: (connection) => void connection.send('hello') },
    );
    const client = await connect(server.url, { tls: { ca: cert }, http2 });
    for await (const message of client) {
      expect(message).toBe('hello');
      break;
    }
    await client.close();
  },
);
