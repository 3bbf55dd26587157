// What the server calls on this client: handlers by name. A call that is sent again, because its answer was lost with a connection, is
// not run again.

import { RealtimeError } from '../wire/error-codes.ts';
import type { RequestFrame } from '../wire/frames.ts';
import { writeJsonTersely as writeJson } from '../wire/json-codec.ts';
import type { RequestLink } from './requests.ts';

/** What a handler knows of a call beside its input. */
export interface ServerCallContext {
  /** Aborted when the server no longer waits. */
  readonly signal: AbortSignal;
}

/** Answers calls of the server. */
export type ServerCallHandler = (input: unknown, context: ServerCallContext) => unknown;

interface RunningCall {
  readonly stop: AbortController;
  readonly reply: Promise<string>;
}

// Answers are kept for as many calls.
const maxRemembered = 100;

/** The calls of a server. */
export class ServerCalls {
  readonly #handlers = new Map<string, ServerCallHandler>();
  readonly #calls = new Map<number | string, RunningCall>();
  readonly #link: RequestLink;

  constructor(link: RequestLink) {
    this.#link = link;
  }

  /** Answers calls of a name. @returns the function that ends it */
  handle(name: string, handler: ServerCallHandler): () => void {
    this.#handlers.set(name, handler);
    return () => {
      if (this.#handlers.get(name) === handler) this.#handlers.delete(name);
    };
  }

  /** A call has come. */
  async called([, id, , name, input]: RequestFrame): Promise<void> {
    let call = this.#calls.get(id);
    if (!call) {
      const stop = new AbortController();
      call = { stop, reply: this.#run(id, name, input, stop.signal) };
      // Nobody asks again about a call without an answer.
      if (id !== 0) this.#calls.set(id, call);
      for (const oldest of this.#calls.keys()) {
        if (this.#calls.size <= maxRemembered) break;
        this.#calls.delete(oldest);
      }
    }
    const reply = await call.reply;
    // In another session the id may be that of another call.
    if (id !== 0 && !call.stop.signal.aborted) this.#link.send(reply);
  }

  /** The server no longer waits. */
  cancelled(id: number | string): void {
    this.#calls.get(id)?.stop.abort();
  }

  /** Another session: its ids are other calls. */
  forget(): void {
    for (const { stop } of this.#calls.values()) stop.abort();
    this.#calls.clear();
  }

  async #run(id: number | string, name: string, input: unknown, signal: AbortSignal): Promise<string> {
    try {
      const handler = this.#handlers.get(name);
      if (!handler) throw new RealtimeError('UNKNOWN_CALL', `no handler of ${name}`);
      return writeJson([5, id, await handler(input, { signal })]);
    } catch (error) {
      const known =
        error instanceof RealtimeError ? error : new RealtimeError('HANDLER_FAILED', String(error));
      return writeJson([5, id, null, known.toWire()]);
    }
  }
}
