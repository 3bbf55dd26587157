// Randomness as an interface. Masking keys (RFC 6455 10.3) must be unpredictable to the application, so the
// default is the platform's cryptographic generator.

/** Fills memory with random bytes. */
export interface RandomSource {
  /** Overwrites all of `target` (at most 65,536 bytes) with unpredictable bytes. */
  fill(target: Uint8Array<ArrayBuffer>): void;
}

/** The cryptographic generator of the platform (Web Crypto). */
export const cryptoRandom: RandomSource = Object.freeze({
  fill: (target: Uint8Array<ArrayBuffer>): void => {
    globalThis.crypto.getRandomValues(target);
  },
});
