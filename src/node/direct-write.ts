// Writing to a plain socket below its stream: one call into the system for what a flush has collected, without the
// stream's queue, callbacks and ticks (a tenth of what a small message costs). It uses what Node's own stream calls
// under `socket.write`: the handle, and the request object that a write needs when the system does not take all of it
// at once, which older Nodes hand to the handle and Node 26 is given by it. All of that is undocumented: how it is done is
// learned from a write that Node does itself, and where anything is not as expected the stream is used as ever.

import { Socket } from 'node:net';
import { constants } from 'node:os';
import { getSystemErrorName } from 'node:util';
import { isPortableMode } from './portable-mode.ts';

/**
 * The handle of a socket as far as writing goes. It gives 0 or a negative error number; given null in place of a request,
 * it gives a request of its own when the system has not taken all.
 */
interface WritableHandle {
  readonly writeQueueSize: number;
  writeBuffer(request: WriteRequest | null, chunk: Uint8Array): unknown;
  writev(request: WriteRequest | null, chunks: readonly Uint8Array[], areBuffers: true): unknown;
}

/** What Node keeps for a write that is under way. */
interface WriteRequest {
  /** A number of its own while libuv holds the request, -1 before and after. */
  getAsyncId(): number;
  oncomplete: ((this: WriteRequest, status: number) => void) | undefined;
  /** How the write ended, if it did so before somebody was there to hear of it. */
  writeStatus?: number | null;
  /** Memory that has to live until the write is over. */
  chunks?: readonly Uint8Array[];
  writer?: DirectWriter;
  byteLength?: number;
}

type WriteRequestClass = new () => WriteRequest;

// What requests are made of, where they are handed to the handle; or that they are given by it.
let requestClass: WriteRequestClass | 'given' | undefined;
let hasLearned = isPortableMode;
// What a request says that libuv does not hold.
const idleRequest = -1;
// A write that goes out at once leaves its request untouched, so that the next one can have it.
let spareRequest: WriteRequest | undefined;

// EPIPE, for a write that failed without a number.
const brokenPipe = -constants.errno.EPIPE;

const writeMethods = ['writeBuffer', 'writev', 'writeLatin1String', 'writeUtf8String'] as const;

/** Told by a DirectWriter. */
export interface DirectWriterEvents {
  /** All that was written has left, after something had to wait. */
  drained(): void;
}

/** Writes to one socket. */
export class DirectWriter {
  readonly #socket: Socket;
  readonly #handle: WritableHandle;
  readonly #events: DirectWriterEvents;
  /** How many bytes the operating system has not taken yet; counted until the write they belong to is over. */
  pendingBytes = 0;

  constructor(socket: Socket, handle: WritableHandle, events: DirectWriterEvents) {
    this.#socket = socket;
    this.#handle = handle;
    this.#events = events;
  }

  /** Whether the stream of the socket holds nothing, so that what is written here does not overtake it. */
  get mayWrite(): boolean {
    const socket = this.#socket;
    return !socket.destroyed && !socket.writableEnded && socket.writableLength === 0;
  }

  /** Writes the chunks; true when the system has taken them, so that nobody needs their memory any more. */
  write(chunks: readonly Uint8Array[]): boolean {
    const request = requestClass === 'given' ? this.#writeForRequest(chunks) : this.#writeByRequest(chunks);
    if (request === undefined) return true;
    let byteLength = 0;
    for (const chunk of chunks) byteLength += chunk.length;
    request.chunks = [...chunks];
    request.writer = this;
    request.byteLength = byteLength;
    request.oncomplete = writeCompleted;
    this.pendingBytes += byteLength;
    const { writeStatus } = request;
    if (typeof writeStatus === 'number') {
      // In a later turn, as ever: whoever writes does not expect to be told of a drain meanwhile.
      request.writeStatus = null;
      setImmediate(() => request.oncomplete?.(writeStatus));
    }
    return false;
  }

  /** Hands a request over; gives it when libuv holds it. */
  #writeByRequest(chunks: readonly Uint8Array[]): WriteRequest | undefined {
    const request = spareRequest ?? makeRequest();
    spareRequest = undefined;
    if (request === undefined) throw new Error('a DirectWriter exists although no request can be made');
    const status = this.#writeWith(request, chunks);
    if (status !== 0) {
      this.#fail(status);
      return undefined;
    }
    // Not by the length of the queue: libuv tries once more when it has queued a request, so that nothing may be left of
    // one that it holds. Node ends the process when such a request is used again.
    if (request.getAsyncId() !== idleRequest) return request;
    spareRequest = request;
    return undefined;
  }

  /** Asks for a request; gives it when libuv holds one. */
  #writeForRequest(chunks: readonly Uint8Array[]): WriteRequest | undefined {
    const result = this.#writeWith(null, chunks);
    if (result === 0) return undefined;
    // A request that libuv does not hold belongs to a write that failed as it began.
    if (isRequest(result) && (result.getAsyncId() !== idleRequest || typeof result.writeStatus === 'number'))
      return result;
    this.#fail(result);
    return undefined;
  }

  #writeWith(request: WriteRequest | null, chunks: readonly Uint8Array[]): unknown {
    const handle = this.#handle;
    return chunks.length === 1
      ? handle.writeBuffer(request, chunks[0])
      : handle.writev(request, [...chunks], true);
  }

  #fail(status: unknown): void {
    this.#socket.destroy(writeError(typeof status === 'number' ? status : brokenPipe));
  }

  /** A write is over. */
  completed(byteLength: number, status: number): void {
    this.pendingBytes -= byteLength;
    if (status < 0) {
      if (!this.#socket.destroyed) this.#socket.destroy(writeError(status));
    } else if (this.pendingBytes === 0) this.#events.drained();
  }
}

/** Lets the next write to the socket show what requests are made of, unless that is known. */
export function learnRequests(socket: unknown): void {
  if (requestClass !== undefined || hasLearned) return;
  const handle = handleOf(socket);
  if (handle !== undefined) learnFrom(handle);
}

/** Gives a writer for a plain TCP or unix socket; undefined where that is not possible, or not yet. */
export function directWriter(socket: unknown, events: DirectWriterEvents): DirectWriter | undefined {
  if (requestClass === undefined || !(socket instanceof Socket)) return undefined;
  const handle = handleOf(socket);
  return handle === undefined ? undefined : new DirectWriter(socket, handle, events);
}

function handleOf(socket: unknown): WritableHandle | undefined {
  // TLS writes to its socket in a way of its own.
  if (!(socket instanceof Socket) || 'encrypted' in socket) return undefined;
  const handle: unknown = Reflect.get(socket, '_handle');
  return isWritableHandle(handle) ? handle : undefined;
}

function writeCompleted(this: WriteRequest, status: number): void {
  const { writer, byteLength = 0 } = this;
  this.chunks = [];
  writer?.completed(byteLength, status);
}

function makeRequest(): WriteRequest | undefined {
  return requestClass === undefined || requestClass === 'given' ? undefined : new requestClass();
}

// The next write that Node does on this handle shows what it makes its requests of.
function learnFrom(handle: WritableHandle): void {
  for (const name of writeMethods) {
    const original: unknown = Reflect.get(handle, name);
    if (typeof original !== 'function') continue;
    Reflect.set(handle, name, (...given: unknown[]): unknown => {
      for (const method of writeMethods) Reflect.deleteProperty(handle, method);
      const [request] = given;
      hasLearned = true;
      requestClass ??= request === null ? 'given' : classOf(request);
      return Reflect.apply(original, handle, given);
    });
  }
}

function classOf(request: unknown): WriteRequestClass | undefined {
  if (typeof request !== 'object' || request === null) return undefined;
  const found: unknown = request.constructor;
  return isRequestClass(found) ? found : undefined;
}

function isRequest(value: unknown): value is WriteRequest {
  return typeof value === 'object' && value !== null && 'getAsyncId' in value && 'oncomplete' in value;
}

function isRequestClass(value: unknown): value is WriteRequestClass {
  if (typeof value !== 'function' || value.name !== 'WriteWrap') return false;
  const request: unknown = Reflect.construct(value, []);
  if (typeof request !== 'object' || request === null || !('getAsyncId' in request)) return false;
  return typeof request.getAsyncId === 'function' && request.getAsyncId() === idleRequest;
}

function isWritableHandle(handle: unknown): handle is WritableHandle {
  if (typeof handle !== 'object' || handle === null) return false;
  if (!('writeQueueSize' in handle) || typeof handle.writeQueueSize !== 'number') return false;
  if (!('writeBuffer' in handle) || typeof handle.writeBuffer !== 'function') return false;
  return 'writev' in handle && typeof handle.writev === 'function';
}

function writeError(status: number): Error {
  const code = getSystemErrorName(status);
  return Object.assign(new Error(`write ${code}`), { errno: status, code, syscall: 'write' });
}
