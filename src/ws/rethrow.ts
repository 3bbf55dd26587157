// What a listener throws must not break into the engine, and must not get lost either: programs that are written for ws rely on
// an error without a listener, or an exception in one, ending the process.

/** Throws from a place where nobody catches it: the process hears of an uncaught exception. */
export function rethrow(error: unknown): void {
  process.nextTick(() => {
    throw error;
  });
}
