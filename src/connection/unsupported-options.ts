// Options that a platform cannot keep are refused by name: a limit or a header that was silently dropped would be missed
// too late.

import { describe, FullduplexError } from '../base/errors.ts';

/** Why a platform cannot keep an option, and the one value that it keeps anyway. */
export interface Limitation {
  readonly because: string;
  readonly kept?: unknown;
}

/** @throws FullduplexError `WS_UNSUPPORTED` naming the first option that the platform cannot keep */
export function refuseUnsupported(options: object, limitations: ReadonlyMap<string, Limitation>): void {
  for (const [name, value] of Object.entries(options)) {
    const limitation = limitations.get(name);
    if (value === undefined || limitation === undefined || value === limitation.kept) continue;
    const kept = limitation.kept === undefined ? 'none' : `${describe(limitation.kept)} or none`;
    throw new FullduplexError(
      'WS_UNSUPPORTED',
      `option ${name} is not possible here, because ${limitation.because}; expected ${kept}`,
    );
  }
}
