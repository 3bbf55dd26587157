// What both kinds of proxies have in common: bytes are exchanged until the proxy has a connection to the server. A
// negotiation is without I/O; negotiate() plays it over a stream.

import type { Duplex } from 'node:stream';
import { copyOf } from '../../base/bytes.ts';
import { FullduplexError } from '../../base/errors.ts';
import { abortReasonOf } from '../abortable.ts';
import { connectFailed } from '../connect-errors.ts';

/** What a negotiation says after a chunk. */
export type NegotiationStep =
  /** More has to come; `reply` is to be written first, if there is one. */
  | { readonly kind: 'incomplete'; readonly reply?: Uint8Array | undefined }
  /** The server is at the other end now; `remaining` are its first bytes: a view of the chunk, without a copy. */
  | { readonly kind: 'open'; readonly remaining: Uint8Array }
  | { readonly kind: 'failed'; readonly error: FullduplexError };

/** One conversation with a proxy. Nothing that a proxy sends makes it throw. */
export interface Negotiation {
  /** The proxy in words, for messages. */
  readonly label: string;
  /** Gives the bytes that open it. */
  start(): Uint8Array;
  /** Reads on; not called any more once it has said something else than incomplete. */
  receive(chunk: Uint8Array): NegotiationStep;
  /** The input has ended, or nobody waits any longer: a refusal is told with as much as there is of it. */
  end(): FullduplexError;
}

/** What a negotiation says while more has to come. */
export const incomplete: NegotiationStep = Object.freeze({ kind: 'incomplete' });

/**
 * Negotiates; then the stream is paused, and what has come behind the proxy's answer is in it. When it fails the stream is
 * destroyed.
 * @throws FullduplexError `WS_CONNECT_FAILED`, what the negotiation failed with, or the reason of the abort
 */
export function negotiate(stream: Duplex, negotiation: Negotiation, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const release = (): void => {
      stream.off('data', received).off('end', ended).off('error', failed).off('close', ended);
      signal.removeEventListener('abort', cut);
    };
    const fail = (error: unknown): void => {
      release();
      stream.destroy();
      reject(error);
    };
    const received = (chunk: Uint8Array): void => {
      const step = negotiation.receive(chunk);
      if (step.kind === 'failed') return fail(step.error);
      if (step.kind === 'incomplete') {
        if (step.reply !== undefined) stream.write(step.reply);
        return;
      }
      release();
      // Nobody listens until the next phase begins.
      stream.pause();
      if (step.remaining.length > 0) stream.unshift(copyOf(step.remaining));
      resolve();
    };
    const ended = (): void => {
      const error = negotiation.end();
      fail(error.code === 'WS_PROXY_REFUSED' ? error : connectFailed(negotiation.label, error));
    };
    const failed = (error: Error): void => fail(connectFailed(negotiation.label, error));
    const cut = (): void => {
      const reason = abortReasonOf(signal);
      const isLate = reason instanceof FullduplexError && reason.code === 'WS_HANDSHAKE_TIMEOUT';
      const error = isLate ? negotiation.end() : undefined;
      fail(error?.code === 'WS_PROXY_REFUSED' ? error : reason);
    };
    stream.on('data', received).on('end', ended).on('error', failed).on('close', ended);
    signal.addEventListener('abort', cut);
    if (signal.aborted) cut();
    else if (stream.destroyed) ended();
    else stream.write(negotiation.start());
  });
}
