import { expect, test } from 'vitest';
import { connect } from '../../src/node/connect.ts';
import { serve } from '../../src/node/serve.ts';
import { selfSignedCertificate } from './certificate.ts';

// TLS holds the head of the 101 for a moment: what is sent meanwhile waits behind it, and has to leave then.
test.each([true, false])(
  'what is sent as a connection over TLS opens arrives, HTTP/2 offered: %s',
  async (http2) => {
    const { key, cert } = selfSignedCertificate();
    await using server = await serve(
      { port: 0, host: '127.0.0.1', tls: { key, cert }, http2 },
      { open: (connection) => connection.send('hello') },
    );
    const connection = await connect(server.url, { tls: { ca: cert } });
    for await (const message of connection) {
      expect(message).toBe('hello');
      break;
    }
    await connection.close();
  },
);
