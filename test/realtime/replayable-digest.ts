// The platform computes digests on a thread of its own, which comes back when it likes; a seed has to replay. So they are computed
// here at once.

import { createHash } from 'node:crypto';
import { afterAll, beforeAll, vi } from 'vitest';
import { viewOf } from '../../src/base/bytes.ts';

/** Lets digests of the platform take no time, in the tests of the block that it is called in. */
export function useReplayableDigest(): void {
  beforeAll(() => {
    vi.spyOn(globalThis.crypto.subtle, 'digest').mockImplementation(async (_algorithm, data) => {
      const digest = createHash('sha256').update(viewOf(data)).digest();
      return new Uint8Array(digest).buffer;
    });
  });
  afterAll(() => {
    vi.restoreAllMocks();
  });
}
