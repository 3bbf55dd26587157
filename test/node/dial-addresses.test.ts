import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect as connectSocket, type LookupFunction, type Socket } from 'node:net';
import { expect, test } from 'vitest';
import { connect } from '../../src/node/connect.ts';
import { accepting, closedPort, rawServer, rejectionOf } from './raw-server.ts';

/** Resolves every name to these addresses, in this order. */
function lookupOf(...addresses: string[]): LookupFunction {
  const found = addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
  return (_host, _options, callback) => callback(null, found);
}

/**
 * An address and port that answer no SYN: a process listens there and sleeps, and its backlog is full. Only where all of
 * 127.0.0.0/8 is this machine, as on Linux.
 */
async function silentAddress(address: string, port: number): Promise<AsyncDisposable> {
  const program = `require('net').createServer().listen({ host: '${address}', port: ${port}, backlog: 1 }, () => console.log('up'))`;
  const child = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  child.kill('SIGSTOP');
  const fillers: Socket[] = [];
  // The backlog is full when a connection is not there at once.
  for (let isFull = false; !isFull; ) {
    const filler = connectSocket(port, address).on('error', () => undefined);
    fillers.push(filler);
    isFull = await Promise.race([
      once(filler, 'connect').then(() => false),
      new Promise<boolean>((resolve) => setTimeout(resolve, 200, true)),
    ]);
  }
  return {
    [Symbol.asyncDispose]: async () => {
      for (const filler of fillers) filler.destroy();
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await exited;
    },
  };
}

test.runIf(process.platform === 'linux')(
  'a host whose first address never answers is reached at the next one after the attempt delay',
  async () => {
    await using server = await rawServer((visit) => visit.socket.write(accepting(visit)));
    await using _ = await silentAddress('127.0.0.2', server.port);
    const socket = { lookup: lookupOf('127.0.0.2', '127.0.0.1'), autoSelectFamilyAttemptTimeout: 50 };
    const connection = await connect(`ws://x.test:${server.port}`, { proxy: false, socket });
    expect(connection.readyState).toBe('open');
  },
);

test.runIf(process.platform === 'linux')(
  'a host that is reached at no address is one error that names each, also those that never answer',
  async () => {
    const port = await closedPort();
    await using _ = await silentAddress('127.0.0.2', port);
    const socket = { lookup: lookupOf('127.0.0.2', '::1', '127.0.0.1'), autoSelectFamilyAttemptTimeout: 50 };
    const error = await rejectionOf(connect(`ws://x.test:${port}`, { proxy: false, socket }));
    expect(error).toMatchObject({ code: 'WS_CONNECT_FAILED' });
    for (const address of ['127.0.0.2', '::1', '127.0.0.1'])
      expect(String(error)).toContain(`${address}:${port}`);
  },
);

test('a host is reached over the family that is asked for only', async () => {
  await using server = await rawServer((visit) => visit.socket.write(accepting(visit)));
  const families: unknown[] = [];
  const lookup: LookupFunction = (_host, { family }, callback) => {
    families.push(family);
    callback(null, '127.0.0.1', 4);
  };
  await connect(`ws://x.test:${server.port}`, { proxy: false, socket: { lookup, family: 4 } });
  expect(families).toEqual([4]);
});
