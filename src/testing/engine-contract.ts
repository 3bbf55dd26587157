// The contract of engines as a list of tests, for the engines of this library and for those that others write. Each case is one
// guarantee of `Engine`; it needs no test framework:
//
//     for (const { name, run } of engineContract) test(name, () => run(makeMyEngine));

import { appendCases } from './engine-contract/append-cases.ts';
import type { EngineContractCase } from './engine-contract/contract-case.ts';
import { leaseCases, recordCases } from './engine-contract/lease-cases.ts';
import { mapCases } from './engine-contract/map-cases.ts';
import { readCases } from './engine-contract/read-cases.ts';

/** Everything that any engine has to keep. */
export const engineContract: readonly EngineContractCase[] = Object.freeze([
  ...appendCases,
  ...readCases,
  ...mapCases,
  ...leaseCases,
  ...recordCases,
]);
