// What a page may ask for on /lab, checked: whoever connects can send anything.

import type { Experiment, LabRequest } from './messages.ts';

const experiments: readonly Experiment[] = ['ping', 'fragments', 'binary', 'large-binary', 'close'];

/** Reads a request; undefined when it is none. */
export function parseLabRequest(text: string): LabRequest | undefined {
  const { experiment, code } = fieldsOf(text);
  const known = experiments.find((one) => one === experiment);
  if (known === undefined) return undefined;
  return { experiment: known, ...(typeof code === 'number' ? { code } : {}) };
}

function fieldsOf(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? { ...value } : {};
  } catch {
    // Not JSON: no request.
    return {};
  }
}
