// An event handler attribute (HTML 8.1.8.1): `onmessage` and its like. The handler takes its place among the
// listeners when it is first set, keeps it while it is replaced, and gives it up when it is set to null.

/** One event handler attribute of one target. */
export class EventHandlerAttribute<Handler extends object> {
  readonly #target: EventTarget;
  readonly #type: string;
  #handler: Handler | null = null;

  constructor(target: EventTarget, type: string) {
    this.#target = target;
    this.#type = type;
  }

  /** The handler; null when there is none. */
  get value(): Handler | null {
    return this.#handler;
  }

  /** Sets, replaces or (with anything that is no object) removes the handler. */
  set value(handler: Handler | null) {
    const hadHandler = this.#handler !== null;
    // [LegacyTreatNonObjectAsNull]: an object that cannot be called is kept and does nothing.
    const isObject = (typeof handler === 'object' || typeof handler === 'function') && handler !== null;
    this.#handler = isObject ? handler : null;
    if (isObject === hadHandler) return;
    if (isObject) this.#target.addEventListener(this.#type, this.#call);
    else this.#target.removeEventListener(this.#type, this.#call);
  }

  readonly #call = (event: Event): void => {
    const handler = this.#handler;
    if (typeof handler !== 'function') return;
    const result: unknown = Reflect.apply(handler, this.#target, [event]);
    if (result === false) event.preventDefault();
  };
}
