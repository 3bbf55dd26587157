// What a Protocol tells its sink, written down as plain values that tests compare: the name of the call, then its
// arguments, bytes as hexadecimal. Pieces of a streamed message are joined, since where they are cut depends on how
// the input was split.

import { Protocol, type ProtocolSink } from '../../src/protocol/protocol.ts';
import type { ProtocolOptions } from '../../src/protocol/protocol-settings.ts';
import type { ProtocolError } from '../../src/protocol/protocol-error.ts';
import { decodeAll, type WireEvent } from './reference-decoder.ts';
import { joined, toHex } from './wire.ts';

export class RecordingSink implements ProtocolSink {
  readonly events: WireEvent[] = [];
  outputReadyCalls = 0;
  /** Called after each event that is written down, for tests that act inside of callbacks. */
  onEvent: ((event: WireEvent) => void) | undefined;
  lastError: ProtocolError | undefined;

  text(message: string): void {
    this.#record('text', message);
  }

  binary(message: Uint8Array): void {
    this.#record('binary', toHex(message));
  }

  messageStart(type: 'text' | 'binary'): void {
    this.#record('start', type);
  }

  messageChunk(bytes: Uint8Array): void {
    const last = this.events.at(-1);
    if (last?.[0] === 'chunk') this.events[this.events.length - 1] = ['chunk', `${last[1]}${toHex(bytes)}`];
    else this.events.push(['chunk', toHex(bytes)]);
    this.onEvent?.(['chunk', toHex(bytes)]);
  }

  messageEnd(): void {
    this.#record('end');
  }

  ping(payload: Uint8Array): void {
    this.#record('ping', toHex(payload));
  }

  pong(payload: Uint8Array): void {
    this.#record('pong', toHex(payload));
  }

  close(code: number, reason: string): void {
    this.#record('close', code, reason);
  }

  failure(error: ProtocolError): void {
    this.lastError = error;
    this.#record('failure', error.code, error.closeCode);
  }

  outputReady(): void {
    this.outputReadyCalls++;
  }

  #record(...event: WireEvent): void {
    this.events.push(event);
    this.onEvent?.(event);
  }
}

/** One side of a connection under test. */
export class Side {
  readonly sink: RecordingSink = new RecordingSink();
  readonly protocol: Protocol;
  readonly role: 'client' | 'server';

  constructor(options: ProtocolOptions) {
    this.role = options.role;
    this.protocol = new Protocol(options, this.sink);
  }

  get events(): readonly WireEvent[] {
    return this.sink.events;
  }

  receive(...chunks: readonly Uint8Array[]): this {
    for (const chunk of chunks) this.protocol.receive(chunk.slice());
    return this;
  }

  receiveByteByByte(bytes: Uint8Array): this {
    for (const byte of bytes) this.protocol.receive(Uint8Array.of(byte));
    return this;
  }

  /** Takes what is to be written. */
  written(): Uint8Array {
    const chunks: Uint8Array[] = [];
    this.protocol.flush({
      write: (parts) => {
        for (const part of parts) chunks.push(part.slice());
        return true;
      },
    });
    return joined(chunks);
  }

  /** Takes what is to be written and reads it as the peer would. */
  answers(): WireEvent[] {
    const bytes = this.written();
    return decodeAll(bytes, { receiver: this.role === 'server' ? 'client' : 'server' });
  }
}
