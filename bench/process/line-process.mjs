// A child process that is pinned to one core and answers lines with JSON lines: every server and every load
// generator of the bench is one. Processes are ended by closing their stdin, and by pid if that is not heard.
import { spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { createInterface } from 'node:readline';

const STDERR_KEPT_CHARACTERS = 4000;
const STOP_TIMEOUT_MS = 3000;

/**
 * The cores to use: the first two that this process may run on.
 * @returns {{ server?: number, generator?: number, warning?: string }}
 */
export function chooseCores() {
  const taskset = spawnSync('taskset', ['--version']);
  if (taskset.error) {
    return {
      warning: 'taskset is not installed (Debian: util-linux): nothing is pinned, expect more noise',
    };
  }
  const allowed = allowedCores();
  if (allowed.length < 2) {
    return {
      warning: 'only one core: server and generator share it, so throughput says little; read the CPU column',
    };
  }
  return { server: allowed[0], generator: allowed[1] };
}

/** @returns {number[]} */
function allowedCores() {
  let list = `0-${availableParallelism() - 1}`;
  try {
    list = /^Cpus_allowed_list:\s*(\S+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? list;
  } catch {
    // Not Linux: count instead of asking which.
  }
  return list.split(',').flatMap((range) => {
    const [first, last = first] = range.split('-').map(Number);
    return Array.from({ length: last - first + 1 }, (_, index) => first + index);
  });
}

export class LineProcess {
  /** @type {import('node:child_process').ChildProcessWithoutNullStreams} */
  #child;
  #label;
  #stderr = '';
  /** @type {Record<string, any>[]} */
  #answers = [];
  /** @type {{ resolve(answer: Record<string, any>): void, reject(error: Error): void } | undefined} */
  #waiting;
  /** @type {Error | undefined} */
  #failure;
  /** @type {Promise<void>} */
  #exited;

  /**
   * @param {string} label how error messages name the process
   * @param {string} command
   * @param {string[]} args
   * @param {number | undefined} core
   * @param {Record<string, string>} [environment] beside what this process has
   */
  constructor(label, command, args, core, environment) {
    this.#label = label;
    const pinned =
      core === undefined ? [command, ...args] : ['taskset', '-c', String(core), command, ...args];
    const env = { ...process.env, ...environment };
    this.#child = spawn(pinned[0], pinned.slice(1), { stdio: 'pipe', env });
    this.#child.stderr.setEncoding('utf8').on('data', (text) => {
      this.#stderr = (this.#stderr + text).slice(-STDERR_KEPT_CHARACTERS);
    });
    // The process may be gone before it reads a line; its exit is reported below.
    this.#child.stdin.on('error', () => {});
    createInterface({ input: this.#child.stdout }).on('line', (line) => this.#hear(line));
    this.#exited = new Promise((resolve) => {
      this.#child.on('error', (error) => {
        this.#fail(new Error(`${label}: ${error.message}`));
        resolve();
      });
      this.#child.on('close', (code, signal) => {
        this.#fail(
          new Error(`${label} ended (${signal ?? `exit code ${code}`}) ${essence(this.#stderr)}`.trim()),
        );
        resolve();
      });
    });
  }

  /** @returns {number | undefined} */
  get pid() {
    return this.#child.pid;
  }

  /**
   * Writes a line and waits for the JSON line that answers it.
   * @param {string} line
   * @param {number} timeoutMs
   */
  ask(line, timeoutMs) {
    this.#child.stdin.write(`${line}\n`);
    return this.next(timeoutMs, line);
  }

  /**
   * Waits for the next JSON line. One `{"error": "..."}` rejects this and everything later.
   * @param {number} timeoutMs
   * @param {string} [what]
   * @returns {Promise<Record<string, any>>}
   */
  next(timeoutMs, what = 'its first line') {
    const answer = this.#answers.shift();
    if (answer) return Promise.resolve(answer);
    if (this.#failure) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#fail(new Error(`${this.#label}: no answer to "${what}" within ${timeoutMs} ms`));
      }, timeoutMs);
      const settle = () => {
        clearTimeout(timer);
        this.#waiting = undefined;
      };
      this.#waiting = {
        resolve: (value) => (settle(), resolve(value)),
        reject: (error) => (settle(), reject(error)),
      };
    });
  }

  /** Ends the process: first by closing its stdin, then by signals to this pid only. */
  async stop() {
    this.#child.stdin.end();
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), STOP_TIMEOUT_MS);
    await this.#exited;
    clearTimeout(timer);
  }

  /** @param {string} line */
  #hear(line) {
    /** @type {Record<string, any>} */
    let answer;
    try {
      answer = JSON.parse(line);
    } catch {
      this.#fail(new Error(`${this.#label} wrote a line that is not JSON: ${line.slice(0, 200)}`));
      return;
    }
    if (typeof answer.error === 'string') this.#fail(new Error(`${this.#label}: ${answer.error}`));
    else if (this.#waiting) this.#waiting.resolve(answer);
    else this.#answers.push(answer);
  }

  /** @param {Error} error */
  #fail(error) {
    this.#failure ??= error;
    this.#waiting?.reject(this.#failure);
  }
}

/**
 * The line that names the error, out of a stack trace with its surroundings.
 * @param {string} stderr
 */
function essence(stderr) {
  const lines = stderr.trim().split('\n');
  return (lines.find((line) => /^\w*Error\b/.test(line)) ?? lines[lines.length - 1]).slice(0, 300);
}
