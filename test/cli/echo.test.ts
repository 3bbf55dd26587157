import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { connect } from '../../src/node/connect.ts';
import { selfSignedCertificate } from '../node/certificate.ts';
import { rejectionOf } from '../node/raw-server.ts';
import { runToEnd, Stage } from './command-stage.ts';

const stages: Stage[] = [];

afterEach(async () => {
  for (const stage of stages.splice(0)) {
    stage.interrupt();
    await stage.exitCode;
  }
});

/** Starts `fullduplex echo` on a free port. */
async function startEcho(...args: string[]): Promise<{ stage: Stage; url: string }> {
  const stage = new Stage(['echo', '--port', '0', ...args]);
  stages.push(stage);
  const [, url = ''] = await stage.untilPrinted(/^echo server on (\S+)\n$/);
  return { stage, url };
}

describe('fullduplex echo', () => {
  test('sends text back as text and binary as binary, on any path', async () => {
    const { url } = await startEcho();
    expect(url).toMatch(/^ws:\/\/127\.0\.0\.1:\d+$/);
    const connection = await connect(`${url}/any/path`, { origin: 'https://elsewhere.example' });
    await connection.send('grüße');
    await connection.send(new Uint8Array([0, 255]));
    const messages: unknown[] = [];
    for await (const message of connection) {
      messages.push(message);
      if (messages.length === 2) break;
    }
    expect(messages).toEqual(['grüße', new Uint8Array([0, 255])]);
    expect(await connection.close()).toMatchObject({ code: 1000, clean: true });
  });

  test.each([
    [['a', 'b'], 'a'],
    [['x', 'b', 'a'], 'b'],
  ])('picks the first subprotocol of %j that it was told of', async (protocols, picked) => {
    const { url } = await startEcho('--protocol', 'a', '--protocol', 'b');
    const connection = await connect(url, { protocols });
    expect(connection.protocol).toBe(picked);
    connection.terminate();
  });

  test('picks no subprotocol when it knows none of them', async () => {
    const { url } = await startEcho('--protocol', 'a');
    const connection = await connect(url, { protocols: ['x'], requireProtocol: false });
    expect(connection.protocol).toBe('');
    connection.terminate();
  });

  test('refuses a message above --max-message-bytes with 1009', async () => {
    const { url } = await startEcho('--max-message-bytes', '4');
    const connection = await connect(url);
    await connection.send('1234');
    await connection.send('12345');
    const messages: unknown[] = [];
    for await (const message of connection) messages.push(message);
    expect(messages).toEqual(['1234']);
    expect(await connection.closed).toMatchObject({ code: 1009, by: 'remote' });
  });

  test('echoes messages above the default limit when told to', async () => {
    const { url } = await startEcho('--max-message-bytes', `${40 * 1024 * 1024}`);
    const size = 20 * 1024 * 1024;
    const limits = { maxMessageBytes: size, maxFrameBytes: size, maxRetainedBytes: size + 1024 };
    const connection = await connect(url, limits);
    void connection.send(new Uint8Array(size));
    for await (const message of connection) {
      expect(message.length).toBe(size);
      break;
    }
    connection.terminate();
  });

  test('speaks TLS', async () => {
    const certificate = selfSignedCertificate();
    const folder = mkdtempSync(join(tmpdir(), 'fullduplex-'));
    try {
      const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
      writeFileSync(cert, certificate.cert);
      writeFileSync(key, certificate.key);
      const { url } = await startEcho('--tls-cert', cert, '--tls-key', key);
      expect(url).toMatch(/^wss:\/\/127\.0\.0\.1:\d+$/);
      const connection = await connect(url, { tls: { ca: certificate.cert } });
      await connection.send('secret');
      for await (const message of connection) {
        expect(message).toBe('secret');
        break;
      }
      connection.terminate();
      const unknown = await runToEnd(['connect', url]);
      expect(unknown.exitCode).toBe(2);
      expect(unknown.complained).toContain(
        '--ca FILE names an authority to trust; --insecure accepts any certificate',
      );
      const swapped = await runToEnd(['echo', '--port', '0', '--tls-cert', key, '--tls-key', cert]);
      expect(swapped).toMatchObject({ exitCode: 1, complained: expect.stringMatching(/option tls/) });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test('closes with 1001 and ends with 0 when it is interrupted', async () => {
    const { stage, url } = await startEcho();
    const connection = await connect(url);
    stage.interrupt();
    expect(await stage.exitCode).toBe(0);
    expect(await connection.closed).toMatchObject({ code: 1001, clean: true, by: 'remote' });
    expect(await rejectionOf(connect(url))).toMatchObject({ code: 'WS_CONNECT_FAILED' });
  });

  test('ends with 2 when the port is in use', async () => {
    const { url } = await startEcho();
    const { port } = new URL(url);
    const { exitCode, printed, complained } = await runToEnd(['echo', '--port', port]);
    expect([exitCode, printed]).toEqual([2, '']);
    expect(complained).toContain(port);
  });
});
