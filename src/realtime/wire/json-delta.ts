// What changed between two JSON values, as a JSON value that is small where little has changed. It says itself what it is, so
// that a client in any language can apply it:
//   [value]               the new value in place of the old one
//   {"key": delta, ...}   of an object: what became of some of its keys; [] for one that is gone
//   [length, {"0": ...}]  of an array: its new length, then what became of some of its places
//   [start, end, "text"]  of a text: what stands in place of the UTF-16 units from start up to, not including, end

/** A change of one JSON value into another. */
export type JsonDelta =
  | readonly []
  | readonly [value: unknown]
  | readonly [length: number, changes: DeltaByKey]
  | readonly [start: number, end: number, text: string]
  | DeltaByKey;

/** Applies a change to a value. */
export type JsonPatch = (before: unknown, delta: JsonDelta) => unknown;

interface DeltaByKey {
  readonly [key: string]: JsonDelta;
}

type JsonObject = Readonly<Record<string, unknown>>;

// Below this a text is not worth cutting.
const shortestCutText = 32;
// Deeper values are replaced as a whole: nobody's stack is in danger.
const deepest = 64;

/** What makes `after` of `before`; undefined: they are equal. Both are values as readJson gives them (json-codec.ts). */
export function diffJson(before: unknown, after: unknown, depth: number = 0): JsonDelta | undefined {
  if (Object.is(before, after)) return undefined;
  if (typeof before === 'string' && typeof after === 'string') return diffText(before, after);
  if (depth >= deepest || !isContainer(before) || !isContainer(after)) return [after];
  if (Array.isArray(before) !== Array.isArray(after)) return [after];
  // It stands for something that is not an object, such as bytes.
  if (hasTag(before) || hasTag(after)) return [after];
  // An array is an object with numbers for keys, whose end is told beside.
  const [old, current] = [new Map(Object.entries(before)), Object.entries(after)];
  const changes: [string, JsonDelta][] = [];
  for (const [key, value] of current) {
    // Its name cannot be told from a change of the prototype by every reader.
    if (key === '__proto__') return [after];
    const change = old.has(key) ? diffJson(old.get(key), value, depth + 1) : ([value] as const);
    if (change !== undefined) changes.push([key, change]);
  }
  if (Array.isArray(before) && Array.isArray(after)) {
    if (changes.length === 0 && before.length === after.length) return undefined;
    return [after.length, Object.fromEntries(changes)];
  }
  const kept = new Set(current.map(([key]) => key));
  for (const key of old.keys()) {
    if (key === '__proto__') return [after];
    if (!kept.has(key)) changes.push([key, []]);
  }
  return changes.length === 0 ? undefined : Object.fromEntries(changes);
}

/**
 * Applies a change; what did not change is shared with `before`.
 * @throws TypeError when the change does not fit the value
 */
export const patchJson: JsonPatch = (before, delta) => {
  if (!Array.isArray(delta)) return patchObject(requireObject(before), requireObject(delta));
  const [first, second, third]: readonly unknown[] = delta;
  if (delta.length === 1) return first;
  if (typeof first === 'number' && delta.length === 2 && Array.isArray(before)) {
    return patchArray(before, first, requireObject(second));
  }
  if (typeof first === 'number' && typeof second === 'number' && typeof third === 'string') {
    if (typeof before === 'string') return before.slice(0, first) + third + before.slice(second);
  }
  throw unfit();
};

function patchObject(before: JsonObject, delta: JsonObject): JsonObject {
  const after = new Map(Object.entries(before));
  for (const [key, change] of Object.entries(delta)) {
    if (Array.isArray(change) && change.length === 0) after.delete(key);
    else after.set(key, patchJson(after.get(key), requireDelta(change)));
  }
  return Object.fromEntries(after);
}

function patchArray(before: readonly unknown[], length: number, delta: JsonObject): readonly unknown[] {
  if (!Number.isInteger(length) || length < 0 || length > before.length + Object.keys(delta).length)
    throw unfit();
  const after = before.slice(0, length);
  for (const [key, change] of Object.entries(delta)) {
    const index = Number(key);
    if (!Number.isInteger(index) || index < 0 || index >= length) throw unfit();
    after[index] = patchJson(before[index], requireDelta(change));
  }
  return after;
}

function diffText(before: string, after: string): JsonDelta {
  const shorter = Math.min(before.length, after.length);
  if (shorter < shortestCutText) return [after];
  let start = 0;
  while (start < shorter && before.charCodeAt(start) === after.charCodeAt(start)) start++;
  let kept = 0;
  while (
    kept < shorter - start &&
    before.charCodeAt(before.length - 1 - kept) === after.charCodeAt(after.length - 1 - kept)
  ) {
    kept++;
  }
  // A pair of surrogates is not cut: what stands between would be no text.
  if (isLowSurrogate(before.charCodeAt(start)) || isLowSurrogate(after.charCodeAt(start)))
    start = Math.max(0, start - 1);
  if (isLowSurrogate(before.charCodeAt(before.length - kept))) kept = Math.max(0, kept - 1);
  return [start, before.length - kept, after.slice(start, after.length - kept)];
}

function isLowSurrogate(unit: number): boolean {
  return unit >= 0xdc00 && unit <= 0xdfff;
}

// Bytes are one value: they are replaced as a whole.
function hasTag(value: object): boolean {
  return Object.keys(value).some((key) => key.startsWith('$'));
}

function isContainer(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !ArrayBuffer.isView(value);
}

function isDelta(value: unknown): value is JsonDelta {
  return isContainer(value);
}

function requireDelta(value: unknown): JsonDelta {
  if (isDelta(value)) return value;
  throw unfit();
}

function isObject(value: unknown): value is JsonObject {
  return isContainer(value) && !Array.isArray(value);
}

function requireObject(value: unknown): JsonObject {
  if (isObject(value)) return value;
  throw unfit();
}

function unfit(): TypeError {
  return new TypeError('the change does not fit the value that it is applied to');
}
