// What is inflated behind the payload of a message. The sender has left out 00 00 ff ff, the end of its flush (RFC 7692
// 7.2.2). Behind that stands a final block of ours: zlib stops at its end, one byte before ours, exactly when the payload ended
// where a message may end. If it stops anywhere else, the payload was cut short.

/** 00 00 ff ff, an empty final block (RFC 1951 3.2.4), and one byte that has to be left over. */
export const messageEnding: Uint8Array = Uint8Array.of(0, 0, 0xff, 0xff, 1, 0, 0, 0xff, 0xff, 0);

const flushedEndBytes = 4;

/** Where an inflating stream has stopped. */
export type Stop =
  /** It has taken all its input. */
  | 'hungry'
  /** At the end of the message. */
  | 'end'
  /** At the end of a final block of the sender's (RFC 7692 7.2.3.4): what follows is a stream of its own. */
  | 'final block'
  /** Inside of something that the message does not complete. */
  | 'cut short';

/** Tells where a stream has stopped by how much input it left; `hasEnding`: the input ends in `messageEnding`. */
export function stopAt(inputLeft: number, hasEnding: boolean): Stop {
  if (!hasEnding) return inputLeft === 0 ? 'hungry' : 'final block';
  if (inputLeft === 1) return 'end';
  // A final block may also be the very last thing of a message, without the empty block that should follow it.
  if (inputLeft === messageEnding.length) return 'end';
  // Or it is that empty block itself, of which 00 00 ff ff was removed as of any other (RFC 7692 7.2.1).
  if (inputLeft === messageEnding.length - flushedEndBytes) return 'end';
  return inputLeft < messageEnding.length ? 'cut short' : 'final block';
}

/** The error of a message that ends too early. */
export function cutShort(): Error {
  return new Error('the compressed data ends inside a block');
}
