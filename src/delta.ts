// `fullduplex/delta`: what changed between two JSON values. `patchJson` is the option `patch` of a client.

export { diffJson, type JsonDelta, type JsonPatch, patchJson } from './realtime/wire/json-delta.ts';
