// Decompresses with live zlib contexts that all connections share. What a message may refer to is kept as plaintext,
// and a borrowed context takes that in first (1.4 us for 32 KiB). Output is made buffer by buffer; what becomes large
// goes on in the thread pool, in the same context.

import { noBytes } from '../../base/bytes.ts';
import { poison } from '../../base/poison.ts';
import type { AsyncTurns } from './async-turns.ts';
import type { InflatedMessage } from './inflated-message.ts';
import type { Inflation, InflationThresholds } from './inflation.ts';
import type { Leased, LeasedPool } from './leased-pool.ts';
import { cutShort, messageEnding, stopAt } from './message-ending.ts';
import { OutputBytes } from './output-bytes.ts';
import type { PlaintextWindow } from './plaintext-window.ts';
import type { ZlibContext } from './zlib-context.ts';

type Over = (error: Error | undefined) => void;
type Outcome = 'more' | 'done' | Error;

// Small input is copied in front of the ending: one call of zlib instead of two.
const joinedInputBytes = 4096;
const joinedInput = new Uint8Array(joinedInputBytes + messageEnding.length);
const nothing = (): void => undefined;

/** Decompresses the messages of one connection. */
export class LiveInflation implements Inflation {
  readonly #message: InflatedMessage;
  readonly #contexts: LeasedPool<ZlibContext>;
  readonly #turns: AsyncTurns;
  readonly #thresholds: InflationThresholds;
  #held: Leased<ZlibContext> | undefined;
  // The piece in work.
  #input: Uint8Array = noBytes;
  #start = 0;
  #end = 0;
  #hasEnding = false;
  #isFinal = false;
  #over: Over = nothing;
  #isInTurn = false;
  #isClosed = false;

  constructor(
    message: InflatedMessage,
    contexts: LeasedPool<ZlibContext>,
    turns: AsyncTurns,
    thresholds: InflationThresholds,
  ) {
    this.#message = message;
    this.#contexts = contexts;
    this.#turns = turns;
    this.#thresholds = thresholds;
  }

  run(input: Uint8Array, isFinal: boolean, over: Over): 0 {
    this.#isFinal = isFinal;
    this.#over = over;
    this.#setInput(input);
    if (input.length >= this.#thresholds.asyncFromBytes) this.#waitForTurn();
    else this.#workNow();
    // What goes on in the thread pool goes on where it was.
    return 0;
  }

  end(): void {
    const held = this.#held;
    if (held === undefined) return;
    this.#held = undefined;
    this.#contexts.give(held);
  }

  close(): void {
    this.#isClosed = true;
    if (!this.#isInTurn) this.end();
  }

  #setInput(input: Uint8Array): void {
    this.#start = 0;
    this.#hasEnding = this.#isFinal && input.length <= joinedInputBytes;
    if (this.#hasEnding) {
      joinedInput.set(input);
      joinedInput.set(messageEnding, input.length);
      this.#input = joinedInput;
      this.#end = input.length + messageEnding.length;
    } else {
      this.#input = input;
      this.#end = input.length;
    }
  }

  #workNow(): void {
    const message = this.#message;
    const { output } = message;
    const context = this.#open();
    let outcome: Outcome;
    do {
      if (output.length >= this.#thresholds.syncOutputBytes) {
        this.#waitForTurn();
        return;
      }
      output.makeRoomNow(message.mostOutput);
      const start = output.start;
      context.writeSync(this.#input, this.#start, this.#end, output);
      outcome = this.#digest(context, start);
    } while (outcome === 'more');
    this.#finish(outcome);
  }

  #waitForTurn(): void {
    this.#isInTurn = true;
    // Others use the shared memory meanwhile.
    this.#message.output.keep();
    if (this.#input === joinedInput) this.#input = joinedInput.slice(0, this.#end);
    this.#turns.begin(() => {
      if (this.#isClosed) this.#endTurn('done');
      else this.#step(this.#open());
    });
  }

  #step(context: ZlibContext): void {
    const { output, mostOutput } = this.#message;
    output.makeRoomForLater(mostOutput);
    const start = output.start;
    context.write(this.#input, this.#start, this.#end, output, () => {
      const outcome = this.#isClosed ? 'done' : this.#digest(context, start);
      if (outcome === 'more') this.#step(context);
      else this.#endTurn(outcome);
    });
  }

  #endTurn(outcome: 'done' | Error): void {
    this.#turns.end();
    this.#isInTurn = false;
    if (this.#isClosed) this.end();
    else this.#finish(outcome);
  }

  #finish(outcome: 'done' | Error): void {
    const over = this.#over;
    this.#over = nothing;
    if (this.#input === joinedInput) poison(joinedInput, 0, this.#end);
    this.#input = noBytes;
    over(outcome === 'done' ? undefined : outcome);
  }

  // The context of the message, with what that may refer to.
  #open(): ZlibContext {
    if (this.#held === undefined) {
      this.#held = this.#contexts.take();
      const { window } = this.#message;
      if (window !== undefined) seed(this.#held.item, window);
    }
    return this.#held.item;
  }

  // Looks at what a write has put into the output from `start` on, and at where it has stopped.
  #digest(context: ZlibContext, start: number): Outcome {
    if (context.failure !== undefined) return new Error(context.failure);
    const { output } = this.#message;
    const tooMuch = this.#message.made(output.buffer.subarray(start, output.start));
    if (tooMuch !== undefined) return tooMuch;
    this.#start = this.#end - context.inputLeft;
    if (context.roomLeft === 0) return 'more';
    const stop = stopAt(context.inputLeft, this.#hasEnding);
    if (stop === 'final block') return this.#startAnew(context);
    if (stop === 'cut short') return cutShort();
    if (stop === 'end' || !this.#isFinal) return 'done';
    this.#input = messageEnding;
    this.#start = 0;
    this.#end = messageEnding.length;
    this.#hasEnding = true;
    return 'more';
  }

  #startAnew(context: ZlibContext): Outcome {
    const window = this.#message.finalBlock();
    if (window instanceof Error) return window;
    this.#message.output.keep();
    context.reset();
    seed(context, window);
    return 'more';
  }
}

// Makes a context without history know the window.
function seed(context: ZlibContext, window: PlaintextWindow): void {
  if (window.length === 0) return;
  const ignored = new OutputBytes();
  window.storedBlock((memory, start, end) => {
    ignored.makeRoomNow(window.length);
    context.writeSync(memory, start, end, ignored);
  });
}
