// The switch of the mode in which recycled memory is overwritten (base/poison.ts): `npm run test:poison` runs all tests
// with it. It is of use to applications too, when binary messages are borrowed: one that is kept too long is seen at once.

import { startPoisoning } from '../base/poison.ts';

/** Whether this process was started with FULLDUPLEX_POISON=1: then memory is overwritten when it is recycled. */
const isPoisonMode: boolean = process.env['FULLDUPLEX_POISON'] === '1';

/** Switches the mode on if the process was started so. */
export function poisonIfAsked(): void {
  if (isPoisonMode) startPoisoning();
}
