// The testees as the runner sees them: child processes that are started when first needed and again after a crash, and
// one opened connection to them per case. A crash is the finding of the cases that were being played, not the end of the run.

import { fork } from 'node:child_process';
import { once } from 'node:events';
import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { answerRequest, openAsClient, readRequest } from './opening.mjs';

/** @typedef {import('./opening.mjs').Opened} Opened */
/** @typedef {import('./opening.mjs').Opening} Opening */
/** @typedef {Readonly<Record<string, string>>} Variables of the environment */

const startDeadlineMs = 15_000;
/** The end of a process is heard of later than the end of its connections. */
const crashNoticedMs = 300;

/**
 * @typedef {object} Running
 * @property {import('node:child_process').ChildProcess} child
 * @property {Promise<never>} gone rejects when it has ended
 */

/** A child process that announces itself with its first message. */
class TesteeProcess {
  #script;
  #module;
  #variables;
  #onMessage;
  /** @type {Promise<Running> | undefined} */
  #started;

  /** @param {string} script @param {string} module @param {Variables} variables @param {(message: Record<string, unknown>) => void} onMessage */
  constructor(script, module, variables, onMessage) {
    this.#script = script;
    this.#module = module;
    this.#variables = variables;
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
      env: { ...process.env, ...this.#variables },
    });
    const gone = once(child, 'exit').then(([code, signal]) => {
      this.#started = undefined;
      throw new Error(`the testee's process ended with ${code ?? signal}`);
    });
    // Nobody may be waiting for it at that moment: then the end shows as a cut connection.
    gone.catch(() => undefined);
    const timer = setTimeout(() => child.kill(), startDeadlineMs);
    await Promise.race([once(child, 'message'), gone]).finally(() => clearTimeout(timer));
    child.on('message', (message) => this.#onMessage(/** @type {Record<string, unknown>} */ (message)));
    return { child, gone };
  }

  /**
   * Opens a connection. When the process turns out to have crashed in the case before, a fresh one gets the chance.
   * @template T @param {(running: Running) => Promise<T>} open @returns {Promise<T>}
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

/** The server under test. Every case gets a fresh connection to it, and every setup of it a port of its own. */
export class ServerTestee {
  #process;
  /** Addresses by process and setup. @type {WeakMap<import('node:child_process').ChildProcess, Map<string, Promise<string>>>} */
  #urls = new WeakMap();
  /** @type {Map<string, (url: string) => void>} */
  #awaited = new Map();

  /** @param {string} module @param {Variables} variables */
  constructor(module, variables) {
    this.#process = new TesteeProcess('./testee-server.mjs', module, variables, ({ serves, url }) =>
      this.#awaited.get(String(serves))?.(String(url)),
    );
  }

  /** Starts the process, so that a testee that cannot start is one error and not one per case. */
  async start() {
    await this.#process.opened((running) => this.#urlOf(running, {}));
  }

  /** @param {Opening} opening @param {number} deadlineMs @returns {Promise<Opened | undefined>} */
  open(opening, deadlineMs) {
    return this.#process.opened(async (running) =>
      openAsClient(await this.#urlOf(running, opening), deadlineMs, opening),
    );
  }

  /** @param {Running} running @param {Opening} opening @returns {Promise<string>} */
  #urlOf({ child }, { testee = false }) {
    const setup = JSON.stringify(testee);
    const urls = this.#urls.get(child) ?? new Map();
    this.#urls.set(child, urls);
    const known = urls.get(setup);
    if (known !== undefined) return known;
    const url = new Promise((resolve) => this.#awaited.set(setup, resolve));
    urls.set(setup, url);
    // A channel that closes under the message means a crash, which is noticed by itself.
    child.send({ serve: setup }, () => undefined);
    return url;
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
  /** @type {Map<string, { opening: Opening, resolve: (opened: Opened) => void, reject: (error: unknown) => void }>} */
  #awaited = new Map();
  #server = net.createServer({ allowHalfOpen: true, noDelay: true }, (socket) => void this.#accept(socket));

  /** @param {string} module @param {Variables} variables */
  constructor(module, variables) {
    this.#process = new TesteeProcess('./testee-client.mjs', module, variables, ({ refused, because }) => {
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

  /** @param {Opening} opening @param {number} deadlineMs @returns {Promise<Opened>} */
  open(opening, deadlineMs) {
    this.#openDeadlineMs = deadlineMs;
    return this.#process.opened(({ child }) => this.#dial(child, opening, deadlineMs));
  }

  /** @param {import('node:child_process').ChildProcess} child @param {Opening} opening @param {number} deadlineMs @returns {Promise<Opened>} */
  #dial(child, opening, deadlineMs) {
    const address = /** @type {net.AddressInfo} */ (this.#server.address());
    this.#dialled += 1;
    const path = `/case/${this.#dialled}`;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => this.#settle(path)?.reject(new Error(`the client did not dial within ${deadlineMs} ms`)),
        deadlineMs,
      ).unref();
      this.#awaited.set(path, {
        opening,
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
      const { testee = false } = opening;
      child.send({ dial: `ws://127.0.0.1:${address.port}${path}`, compression: testee }, () => undefined);
    });
  }

  /** @param {net.Socket} socket */
  async #accept(socket) {
    /** @type {import('./opening.mjs').Request} */
    let request;
    try {
      request = await readRequest(socket, this.#openDeadlineMs);
    } catch {
      // A bad request of the client under test: the case that waits for it reports that nobody came.
      return;
    }
    const waiting = this.#settle(request.path);
    try {
      if (waiting === undefined) socket.destroy();
      else waiting.resolve(answerRequest(request, waiting.opening));
    } catch (error) {
      socket.destroy();
      waiting?.reject(error);
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
