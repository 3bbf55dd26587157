// Hears what is published on channels of node:diagnostics_channel, until a test is over.

import { subscribe, unsubscribe } from 'node:diagnostics_channel';

/** A listener on any number of channels. */
export class DiagnosticsEar {
  /** Everything that was heard, in order. */
  readonly all: (readonly [channel: string, message: unknown])[] = [];
  readonly #stops: (() => void)[] = [];

  /** Listens to a channel. @returns what comes there, as plain records, growing */
  hear(channel: string): Record<string, unknown>[] {
    const messages: Record<string, unknown>[] = [];
    this.listen(channel, (message) => {
      messages.push({ ...Object(message) });
      this.all.push([channel, message]);
    });
    return messages;
  }

  /** Listens with a function of the test's own. */
  listen(channel: string, listener: (message: unknown) => void): void {
    subscribe(channel, listener);
    this.#stops.push(() => unsubscribe(channel, listener));
  }

  /** Hears nothing any more. */
  stop(): void {
    for (const stop of this.#stops.splice(0)) stop();
  }
}
