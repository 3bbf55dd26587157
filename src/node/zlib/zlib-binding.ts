// Node's own binding to zlib, below its streams. A stream of node:zlib cannot compress synchronously and live on, so
// that every message would pay for a context of its own or for a hop through the thread pool. The object behind a stream
// can; it is undocumented, and refuses wrong arguments by ending the process. So Node's own calls are watched first,
// and only if they and what comes of them are exactly as expected is it used. Otherwise there is the public one-shot API.

import { constants, createDeflateRaw, inflateRawSync } from 'node:zlib';

/** The arguments that both ways of writing take: a flush value, the input, and where the output goes. */
export type WriteArguments = [
  flush: number,
  input: Uint8Array,
  inputStart: number,
  inputLength: number,
  output: Uint8Array,
  outputStart: number,
  outputLength: number,
];

/** One zlib stream. After a write, the state that it was made with holds the room left in the output and the input left. */
export interface ZlibHandle {
  writeSync(...write: WriteArguments): void;
  write(...write: WriteArguments): void;
  reset(): void;
  close(): void;
  onerror: (message: string, errorNumber: number, code: string) => void;
}

/** What a zlib stream is made with. */
export interface ZlibHandleOptions {
  readonly mode: 'deflate' | 'inflate';
  readonly windowBits: number;
  readonly level: number;
  readonly memLevel: number;
  /** Takes [room left in the output, input left] after each write. */
  readonly state: Uint32Array;
  /** Called after each `write`, not after `writeSync`. */
  readonly written: () => void;
}

/** Makes zlib streams. */
export type ZlibBinding = (options: ZlibHandleOptions) => ZlibHandle;

const { DEFLATERAW, INFLATERAW, Z_DEFAULT_STRATEGY, Z_NO_FLUSH, Z_SYNC_FLUSH } = constants;

type Callable = (...values: unknown[]) => unknown;

function isCallable(value: unknown): value is Callable {
  return typeof value === 'function';
}

function isHandle(value: unknown): value is ZlibHandle & { init: Callable } {
  return (
    typeof value === 'object' &&
    value !== null &&
    ['init', 'writeSync', 'write', 'reset', 'close'].every((name) => isCallable(Reflect.get(value, name)))
  );
}

/** Ends what Node was about to do once it was seen. */
const seenEnough = Symbol('seen enough');

// What the method is called with while `act` runs. Either the call goes through, or nothing comes of it.
function watch(
  target: object,
  name: string,
  isPassedOn: boolean,
  act: () => void,
): readonly unknown[] | undefined {
  const method: unknown = Reflect.get(target, name);
  if (!isCallable(method)) return undefined;
  const before = Reflect.getOwnPropertyDescriptor(target, name);
  let seen: unknown[] | undefined;
  const isWatched = Reflect.defineProperty(target, name, {
    configurable: true,
    writable: true,
    value(this: unknown, ...values: unknown[]): unknown {
      seen = values;
      if (!isPassedOn) throw seenEnough;
      return Reflect.apply(method, this, values);
    },
  });
  if (!isWatched) return undefined;
  try {
    act();
  } catch (thrown) {
    if (thrown !== seenEnough) throw thrown;
  } finally {
    if (before === undefined) Reflect.deleteProperty(target, name);
    else Reflect.defineProperty(target, name, before);
  }
  return seen;
}

function isWrite(values: readonly unknown[] | undefined, flush: number, input: Uint8Array): boolean {
  if (values?.length !== 7) return false;
  const [foundFlush, foundInput, inputStart, inputLength, output, outputStart, outputLength] = values;
  return (
    foundFlush === flush &&
    foundInput === input &&
    inputStart === 0 &&
    inputLength === input.length &&
    output instanceof Uint8Array &&
    outputStart === 0 &&
    outputLength === output.length
  );
}

// Watches how Node calls the binding. Gives what it passes to `init` behind the arguments that are known (as of Node 24
// there is one more), or undefined when anything else than that differs from what this file would pass.
function watchNode(prototype: object, input: Buffer): readonly unknown[] | undefined {
  const options = { windowBits: 10, level: 2, memLevel: 3, chunkSize: 256 };
  const made: ReturnType<typeof createDeflateRaw>[] = [];
  const init = watch(prototype, 'init', true, () => {
    made.push(createDeflateRaw(options));
  });
  if (init === undefined || init.length < 7 || made.length === 0) return undefined;
  const [windowBits, level, memLevel, strategy, state, written, ...rest] = init;
  const isInitExpected =
    windowBits === 10 &&
    level === 2 &&
    memLevel === 3 &&
    strategy === Z_DEFAULT_STRATEGY &&
    state instanceof Uint32Array &&
    state.length === 2 &&
    isCallable(written) &&
    // The dictionary, and what may come behind it: nothing that would belong to this one stream.
    rest[0] === undefined &&
    rest.every((value) => value === undefined || typeof value === 'boolean' || typeof value === 'number');
  const stream = made[0];
  stream.on('error', () => {
    // It is given no work: nothing can fail, and if it did the fallback is taken anyway.
  });
  const handle: unknown = Reflect.get(stream, '_handle');
  const processChunk: unknown = Reflect.get(stream, '_processChunk');
  if (!isInitExpected || !isHandle(handle) || !isCallable(handle.onerror) || !isCallable(processChunk)) {
    stream.destroy();
    return undefined;
  }
  const later = watch(handle, 'write', false, () => {
    Reflect.apply(processChunk, stream, [input, Z_NO_FLUSH, () => undefined]);
  });
  const atOnce = watch(handle, 'writeSync', false, () => {
    Reflect.apply(processChunk, stream, [input, Z_SYNC_FLUSH]);
  });
  stream.destroy();
  return isWrite(later, Z_NO_FLUSH, input) && isWrite(atOnce, Z_SYNC_FLUSH, input) ? rest : undefined;
}

// What comes of it: the state after a write, output that reads back, a context that survives and one that is reset.
function behavesAsExpected(binding: ZlibBinding, input: Uint8Array): boolean {
  const state = new Uint32Array(2);
  const failures: unknown[] = [];
  const open = (mode: 'deflate' | 'inflate'): ZlibHandle => {
    const handle = binding({ mode, windowBits: 9, level: 1, memLevel: 1, state, written: () => undefined });
    handle.onerror = (message) => {
      failures.push(message);
    };
    return handle;
  };
  const output = new Uint8Array(256);
  const run = (handle: ZlibHandle, bytes: Uint8Array): Uint8Array | undefined => {
    state.fill(99);
    handle.writeSync(Z_SYNC_FLUSH, bytes, 0, bytes.length, output, 0, output.length);
    return state[1] === 0 && state[0] < output.length ? output.slice(0, output.length - state[0]) : undefined;
  };
  const isSame = (bytes: Uint8Array | undefined, expected: Uint8Array): boolean =>
    bytes !== undefined && Buffer.compare(bytes, expected) === 0;
  const deflate = open('deflate');
  const inflate = open('inflate');
  const first = run(deflate, input);
  const second = run(deflate, input);
  deflate.reset();
  const third = run(deflate, input);
  if (first === undefined || second === undefined || third === undefined) return false;
  const isRight =
    isSame(inflateRawSync(first, { finishFlush: Z_SYNC_FLUSH }), input) &&
    second.length < first.length &&
    isSame(third, first) &&
    isSame(run(inflate, first), input) &&
    isSame(run(inflate, second), input) &&
    failures.length === 0;
  // A block of the reserved type 3 (RFC 1951 3.2.3).
  run(inflate, Uint8Array.of(0x06));
  deflate.close();
  inflate.close();
  return isRight && failures.length === 1 && typeof failures[0] === 'string';
}

function findBinding(): ZlibBinding | undefined {
  const sample = createDeflateRaw({ windowBits: 9, memLevel: 1, chunkSize: 64 });
  const handle: unknown = Reflect.get(sample, '_handle');
  sample.destroy();
  if (!isHandle(handle)) return undefined;
  const prototype = Reflect.getPrototypeOf(handle);
  const Handle: unknown = Reflect.get(handle, 'constructor');
  if (prototype === null || !isCallable(Handle)) return undefined;
  const input = Buffer.from('a sample, a sample of what is to be compressed');
  const rest = watchNode(prototype, input);
  if (rest === undefined) return undefined;
  const binding: ZlibBinding = ({ mode, windowBits, level, memLevel, state, written }) => {
    const made: unknown = Reflect.construct(Handle, [mode === 'deflate' ? DEFLATERAW : INFLATERAW]);
    // Its prototype has been looked at: from here on nothing may go wrong before `init`, since Node ends the process when
    // a handle is collected that was never initialised.
    if (!isHandle(made)) throw new Error('a zlib handle without its methods');
    made.init(windowBits, level, memLevel, Z_DEFAULT_STRATEGY, state, written, ...rest);
    return made;
  };
  return behavesAsExpected(binding, input) ? binding : undefined;
}

function tryToFindBinding(): ZlibBinding | undefined {
  try {
    return findBinding();
  } catch {
    // Whatever is different on this platform, the public API does the work.
    return undefined;
  }
}

let found: { readonly binding: ZlibBinding | undefined } | undefined;

/** Gives the binding, or undefined when it is not as expected. The first call looks for it (about a millisecond). */
export function zlibBinding(): ZlibBinding | undefined {
  found ??= { binding: tryToFindBinding() };
  return found.binding;
}
