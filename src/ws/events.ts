// The events of a WebSocket for listeners in the manner of browsers. Like those of ws they are small classes of their own, not
// the platform's Event.

import type { RawData } from './received-data.ts';
import type { WebSocket } from './web-socket.ts';

/** Something happened. */
export class Event<Target = WebSocket> {
  readonly #type: string;
  readonly #target: Target;

  constructor(type: string, target: Target) {
    this.#type = type;
    this.#target = target;
  }

  /** What happened. */
  get type(): string {
    return this.#type;
  }

  /** Where it happened. */
  get target(): Target {
    return this.#target;
  }
}

/** The connection is gone. */
export class CloseEvent<Target = WebSocket> extends Event<Target> {
  readonly #code: number;
  readonly #reason: string;
  readonly #wasClean: boolean;

  constructor(target: Target, code: number, reason: string, wasClean: boolean) {
    super('close', target);
    this.#code = code;
    this.#reason = reason;
    this.#wasClean = wasClean;
  }

  /** The code of the peer's close frame; 1005 when it had none, 1006 when there was no such frame. */
  get code(): number {
    return this.#code;
  }

  /** The reason in the peer's close frame. */
  get reason(): string {
    return this.#reason;
  }

  /** Whether both sides have sent their close frames. */
  get wasClean(): boolean {
    return this.#wasClean;
  }
}

/** Something went wrong. */
export class ErrorEvent<Target = WebSocket> extends Event<Target> {
  readonly #error: Error;

  constructor(target: Target, error: Error) {
    super('error', target);
    this.#error = error;
  }

  /** What went wrong. */
  get error(): Error {
    return this.#error;
  }

  /** Its message. */
  get message(): string {
    return this.#error.message;
  }
}

/** A message arrived. */
export class MessageEvent<Target = WebSocket> extends Event<Target> {
  readonly #data: string | RawData;

  constructor(target: Target, data: string | RawData) {
    super('message', target);
    this.#data = data;
  }

  /** The message: a string when it is text, otherwise as `binaryType` says. */
  get data(): string | RawData {
    return this.#data;
  }
}

// As in ws, and in browsers: what an event has shows when it is looked at.
const shown: readonly (readonly [object, readonly string[]])[] = [
  [Event.prototype, ['target', 'type']],
  [CloseEvent.prototype, ['code', 'reason', 'wasClean']],
  [ErrorEvent.prototype, ['error', 'message']],
  [MessageEvent.prototype, ['data']],
];
for (const [prototype, names] of shown) {
  for (const name of names) Object.defineProperty(prototype, name, { enumerable: true });
}

/** What listeners of addEventListener get. */
export interface WebSocketEventMap {
  open: Event;
  error: ErrorEvent;
  close: CloseEvent;
  message: MessageEvent;
}
