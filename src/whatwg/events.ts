// CloseEvent, for platforms that have none (Node before 23). Event, EventTarget and MessageEvent are everywhere.

import {
  defineInterface,
  requireArguments,
  toDictionary,
  toDomString,
  toUnsignedShort,
  toUsvString,
} from './web-idl.ts';

/** The dictionary of CloseEvent's constructor. */
export interface CloseEventInit extends EventInit {
  readonly wasClean?: boolean;
  readonly code?: number;
  readonly reason?: string;
}

/** Tells how a connection was closed. */
export interface CloseEvent extends Event {
  /** Whether both close frames were exchanged. */
  readonly wasClean: boolean;
  /** The code of the peer's close frame: 1005 if it had none, 1006 if there was no close frame. */
  readonly code: number;
  /** The reason of the peer's close frame. */
  readonly reason: string;
}

/** The constructor of CloseEvent. */
export interface CloseEventClass {
  new (type: string, init?: CloseEventInit): CloseEvent;
  readonly prototype: CloseEvent;
}

class PortableCloseEvent extends Event implements CloseEvent {
  readonly #wasClean: boolean;
  readonly #code: number;
  readonly #reason: string;

  constructor(type: string, init: CloseEventInit = {}) {
    requireArguments('CloseEvent', arguments.length, 1);
    super(toDomString(type), init);
    const member = toDictionary('CloseEvent init', init);
    this.#code = toUnsignedShort(member('code') ?? 0);
    this.#reason = toUsvString(member('reason') ?? '');
    this.#wasClean = Boolean(member('wasClean'));
  }

  get wasClean(): boolean {
    return this.#wasClean;
  }

  get code(): number {
    return this.#code;
  }

  get reason(): string {
    return this.#reason;
  }
}

defineInterface('CloseEvent', PortableCloseEvent, ['wasClean', 'code', 'reason']);
Object.defineProperty(PortableCloseEvent, 'name', { value: 'CloseEvent', configurable: true });

/** The platform's CloseEvent, or ours where it has none. */
export const CloseEvent: CloseEventClass =
  typeof globalThis.CloseEvent === 'function' ? globalThis.CloseEvent : PortableCloseEvent;

/** Makes the event for a message; `data` is what the listener gets. */
export function messageEvent(data: string | Blob | ArrayBuffer, origin: string): MessageEvent {
  return new MessageEvent('message', { data, origin });
}
