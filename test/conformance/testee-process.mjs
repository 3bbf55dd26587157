// The testees as the runner sees them: child processes that are started when first needed and again after a crash, and
// one opened connection to them per case. A crash is the finding of the cases that were being played, not the end of the run.

import { fork } from 'node:child_process';
import { once } from 'node:events';
import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { openAsClient, openAsServer } from './opening.mjs';

/** @typedef {import('./opening.mjs').Opened} Opened */

const startDeadlineMs = 15_000;
/** The end of a process is heard of later than the end of its connections. */
const crashNoticedMs = 300;

/**
 * @typedef {object} Running
 * @property {import('node:child_process').ChildProcess} child
 * @property {Record<string, unknown>} hello its first message
 * @property {Promise<never>} gone rejects when it has ended
 */

/** A child process that announces itself with its first message. */
class TesteeProcess {
  #script;
  #module;
  #onMessage;
  /** @type {Promise<Running> | undefined} */
  #started;

  /** @param {string} script @param {string} module @param {(message: Record<string, unknown>) => void} [onMessage] */
  constructor(script, module, onMessage = () => undefined) {
    this.#script = script;
    this.#module = module;
    this.#onMessage = onMessage;
  }

  running() {
    this.#started ??= this.#start();
    return this.#started;
  }

  async #start() {
    const child = fork(fileURLToPath(new URL(this.#script, import.meta.url)), [this.#module], {
      // What a testee prints is not part of the table.
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    const gone = once(child, 'exit').then(([code, signal]) => {
      this.#started = undefined;
      throw new Error(`the testee's process ended with ${code ?? signal}`);
    });
    // Nobody may be waiting for it at that moment: then the end shows as a cut connection.
    gone.catch(() => undefined);
    const timer = setTimeout(() => child.kill(), startDeadlineMs);
    const [hello] = await Promise.race([once(child, 'message'), gone]).finally(() => clearTimeout(timer));
    child.on('message', (message) => this.#onMessage(/** @type {Record<string, unknown>} */ (message)));
    return { child, hello, gone };
  }

  /**
   * Opens a connection. When the process turns out to have crashed in the case before, a fresh one gets the chance.
   * @param {(running: Running) => Promise<Opened>} open @returns {Promise<Opened>}
   */
  async opened(open) {
    const running = await this.running();
    try {
      return await Promise.race([open(running), running.gone]);
    } catch (error) {
      const patience = sleep(crashNoticedMs, undefined, { ref: false }).then(() => 'alive');
      if ((await Promise.race([running.gone.catch(() => 'gone'), patience])) === 'alive') throw error;
      return open(await this.running());
    }
  }

  async stop() {
    const started = this.#started;
    if (started === undefined) return;
    const { child } = await started;
    if (child.exitCode === null) {
      const exited = once(child, 'exit');
      child.disconnect();
      await exited;
    }
  }
}

/** The server under test. Every case gets a fresh connection to it. */
export class ServerTestee {
  #process;

  /** @param {string} module */
  constructor(module) {
    this.#process = new TesteeProcess('./testee-server.mjs', module);
  }

  /** Starts the process, so that a testee that cannot start is one error and not one per case. */
  async start() {
    await this.#process.running();
  }

  /** @param {number} deadlineMs @returns {Promise<Opened>} */
  open(deadlineMs) {
    return this.#process.opened(({ hello }) => openAsClient(String(hello.url), deadlineMs));
  }

  stop() {
    return this.#process.stop();
  }
}

/** The client under test: it is told an address with a number in its path, and is recognised by it. */
export class ClientTestee {
  #process;
  #openDeadlineMs = 0;
  #dialled = 0;
  /** @type {Map<string, { resolve: (opened: Opened) => void, reject: (error: Error) => void }>} */
  #awaited = new Map();
  #server = net.createServer({ allowHalfOpen: true, noDelay: true }, (socket) => void this.#accept(socket));

  /** @param {string} module */
  constructor(module) {
    this.#process = new TesteeProcess('./testee-client.mjs', module, ({ refused, because }) => {
      this.#settle(new URL(String(refused)).pathname)?.reject(
        new Error(`the client did not open: ${String(because)}`),
      );
    });
  }

  /** Starts the process, so that a testee that cannot start is one error and not one per case. */
  async start() {
    await this.#process.running();
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  /** @param {number} deadlineMs @returns {Promise<Opened>} */
  open(deadlineMs) {
    this.#openDeadlineMs = deadlineMs;
    return this.#process.opened(({ child }) => this.#dial(child, deadlineMs));
  }

  /** @param {import('node:child_process').ChildProcess} child @param {number} deadlineMs @returns {Promise<Opened>} */
  #dial(child, deadlineMs) {
    const address = /** @type {net.AddressInfo} */ (this.#server.address());
    this.#dialled += 1;
    const path = `/case/${this.#dialled}`;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => this.#settle(path)?.reject(new Error(`the client did not dial within ${deadlineMs} ms`)),
        deadlineMs,
      ).unref();
      this.#awaited.set(path, {
        resolve: (opened) => {
          clearTimeout(timer);
          resolve(opened);
        },
        reject: (error) => {
          clearTimeout(timer);
          reject(error);
        },
      });
      // A channel that closes under the message means a crash, which is noticed by itself.
      child.send({ dial: `ws://127.0.0.1:${address.port}${path}` }, () => undefined);
    });
  }

  /** @param {net.Socket} socket */
  async #accept(socket) {
    try {
      const { path, ...opened } = await openAsServer(socket, this.#openDeadlineMs);
      const waiting = this.#settle(path);
      if (waiting === undefined) socket.destroy();
      else waiting.resolve(opened);
    } catch {
      // A bad request of the client under test: the case that waits for it reports that nobody came.
      socket.destroy();
    }
  }

  /** @param {string} path */
  #settle(path) {
    const waiting = this.#awaited.get(path);
    this.#awaited.delete(path);
    return waiting;
  }

  async stop() {
    await this.#process.stop();
    this.#server.close();
  }
}
