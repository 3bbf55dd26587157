import { afterEach, describe, expect, test } from 'vitest';
import { connect } from '../../../src/node/connect.ts';
import { Http2Sessions } from '../../../src/node/http2/http2-sessions.ts';
import { serve } from '../../../src/node/serve.ts';
import { selfSignedCertificate } from '../certificate.ts';

const certificate = selfSignedCertificate();
const tls = { ca: certificate.cert };

describe('a client over HTTP/2', () => {
  test('echoes over a stream', async () => {
    const versions: string[] = [];
    await using server = await serve(
      { port: 0, host: '127.0.0.1', tls: certificate },
      { open: (c) => void versions.push(c.httpVersion), message: (c, m) => void c.send(m) },
    );
    using sessions = new Http2Sessions();
    const a = await connect(server.url, { tls, http2: sessions });
    const b = await connect(server.url, { tls, http2: sessions });
    expect(sessions.size).toBe(1);
    a.send('hello');
    b.send('b');
    for await (const m of a) {
      expect(m).toBe('hello');
      break;
    }
    for await (const m of b) {
      expect(m).toBe('b');
      break;
    }
    expect(await a.close(1000)).toMatchObject({ code: 1000, clean: true });
    expect(await b.close(1000)).toMatchObject({ code: 1000, clean: true });
    expect(versions).toEqual(['2', '2']);
  });
});
