// Starts the process that is measured (subject.mjs) and asks it things.

import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** Options of its server or its client, as they go from one process to the other. */
export interface SubjectOptions {
  readonly maxQueuedBytes?: number;
  readonly receive?: 'streamed';
  readonly allowedOrigins?: 'any';
  readonly perMessageDeflate?: boolean;
  /** A client's: whether it uses HTTP/2 where it can. */
  readonly http2?: boolean;
  readonly tls?: { readonly key: string; readonly cert: string } | { readonly ca: string };
  /** The unix socket that a client connects to. */
  readonly createSocketPath?: string | undefined;
}

/** What the subject is and does. */
export interface SubjectConfig {
  readonly role: 'server' | 'client';
  /** Where a client connects to. */
  readonly url?: string;
  /** Where a server listens, if not on a port. */
  readonly socketPath?: string | undefined;
  readonly messageBytes?: number;
  readonly producer?: 'send' | 'turns' | 'publish' | 'sendStream' | 'webSocket' | 'webSocketStream';
  readonly consumer?: 'handler' | 'echo' | 'iterator' | 'streams' | 'webSocket' | 'webSocketStream';
  /** After how many messages the consumer stops. */
  readonly consumeUntil?: number;
  /** From how many queued bytes on producers that wait for nobody produce no more for the moment (`stopAt`). */
  readonly stopAtBytes?: number;
  readonly whenSlow?: 'close' | 'drop' | 'latest';
  readonly options?: SubjectOptions;
}

/** What the subject says of itself. */
export interface Look {
  readonly produced: number;
  readonly consumed: number;
  readonly bufferedAmount: number;
  readonly faults: readonly string[];
}

/** What the subject keeps, beside what it kept at the baseline. */
export interface Measure extends Look {
  /** On the heap and beside it, after garbage collection. */
  readonly retainedBytes: number;
  /** What the system sees, which is more: allocators keep what they were given. */
  readonly residentBytes: number;
}

const file = fileURLToPath(new URL('subject.mjs', import.meta.url));

/** A process of ours that sends or receives. */
export class Subject implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, (reply: { answer?: unknown; error?: string }) => void>();
  #lastId = 0;
  url = '';

  private constructor() {
    this.#child = fork(file, { execArgv: ['--expose-gc'] });
    this.#child.on('message', (reply: { id: number; answer?: unknown; error?: string }) => {
      this.#waiting.get(reply.id)?.(reply);
    });
    this.#child.on('exit', (code) => {
      for (const waiting of this.#waiting.values()) waiting({ error: `the subject ended with ${code}` });
    });
  }

  static async start(config: SubjectConfig): Promise<Subject> {
    const subject = new Subject();
    const { url } = (await subject.#ask('start', config)) as { url?: string };
    subject.url = url ?? '';
    return subject;
  }

  produce(): Promise<unknown> {
    return this.#ask('produce');
  }

  async stopProducing(): Promise<number> {
    return ((await this.#ask('stopProducing')) as { produced: number }).produced;
  }

  consume(count?: number): Promise<unknown> {
    return this.#ask('consume', count === undefined ? {} : { until: count });
  }

  /** From how many queued bytes on producers that wait for nobody stop, and how many they send in a turn. */
  stopAt(bytes: number | undefined, perTurn = 1): Promise<unknown> {
    return this.#ask('stopAt', { bytes, perTurn });
  }

  async look(): Promise<Look> {
    return (await this.#ask('look')) as Look;
  }

  async measure(isBaseline = false): Promise<Measure> {
    return (await this.#ask('measure', { isBaseline })) as Measure;
  }

  /** Waits for the end of its connection. */
  async ended(): Promise<{ readonly code: number; readonly cause?: string }> {
    return (await this.#ask('ended')) as { code: number; cause?: string };
  }

  /** Waits until it neither produces nor consumes nor gets rid of anything any more. */
  async isStuck(): Promise<Look> {
    let last = await this.look();
    for (let quiet = 0; quiet < 6; ) {
      await pause(50);
      const now = await this.look();
      const isQuiet =
        now.produced === last.produced &&
        now.consumed === last.consumed &&
        now.bufferedAmount === last.bufferedAmount;
      quiet = isQuiet ? quiet + 1 : 0;
      last = now;
    }
    return last;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const exited = once(this.#child, 'exit');
    this.#child.disconnect();
    await exited;
  }

  #ask(act: string, given: object = {}): Promise<unknown> {
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, ({ answer, error }) => {
        this.#waiting.delete(id);
        if (error === undefined) resolve(answer);
        else reject(new Error(error));
      });
      this.#child.send({ id, act, ...given });
    });
  }
}

/** Real sockets of two processes have no other clock. */
export function pause(durationMs: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, durationMs);
  });
}

/** Waits until the claim holds. */
export async function until(claim: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await claim())) await pause(10);
}
