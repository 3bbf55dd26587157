// `fullduplex/contract`: what server and client share. It has no code but checks, so that a bundle for browsers stays small.

export {
  type CallContract,
  type ChannelContract,
  type ContractDefinition,
  defineContract,
  type EventSchemas,
} from './realtime/contract/contract.ts';
export type {
  CallInputOf,
  CallNames,
  CallOutputOf,
  CallsOf,
  ChannelNames,
  ChannelOf,
  ChannelPatterns,
  Checked,
  ClientCallsOf,
  DirectOf,
  EventNames,
  EventsOf,
  Given,
  NameOf,
  ParamsOf,
  PatternOf,
  PresenceOf,
  Received,
  StateOf,
} from './realtime/contract/contract-types.ts';
export {
  type SchemaInput,
  type SchemaIssue,
  type SchemaOutput,
  type SchemaResult,
  type StandardSchema,
  typed,
} from './realtime/contract/standard-schema.ts';
export type { ChannelParams } from './realtime/wire/channel-pattern.ts';
export type { Delivery } from './realtime/wire/frames.ts';
