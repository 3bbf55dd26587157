// `fullduplex/realtime`: the server of the realtime layer.

export { Hub } from './node/realtime/hub.ts';
export {
  type RealtimeTarget,
  type ServedHub,
  serveRealtime,
  type ServeRealtimeOptions,
} from './node/realtime/serve-realtime.ts';
export { type AnyHttpServer, RealtimeServer } from './node/realtime/realtime-server.ts';
export {
  type RealtimeConnectMessage,
  type RealtimeDiagnostics,
  realtimeDiagnostics,
  type RealtimeDisconnectMessage,
  type RealtimeErrorMessage,
  type RealtimeSlowMessage,
  type RealtimeSubscriptionMessage,
} from './node/realtime/realtime-diagnostics.ts';
export { defineContract } from './realtime/contract/contract.ts';
export { typed } from './realtime/contract/standard-schema.ts';
export { MemoryEngine } from './realtime/engine/memory-engine.ts';
export type { MemoryEngineOptions } from './realtime/engine/memory-engine-options.ts';
export type { Engine } from './realtime/engine/engine.ts';
export type { CallContext } from './realtime/server/calls.ts';
export type {
  ChannelOptions,
  PresenceContext,
  PublishContext,
  RuleContext,
} from './realtime/server/channel-declaration.ts';
export type { ClientCallOptions } from './realtime/server/client-calls.ts';
export type { WhenSlow } from './realtime/server/follower.ts';
export type { DeclaredChannelOptions, HubSession, HubUser } from './realtime/server/hub.ts';
export type {
  HistoryPublication,
  HubChannel,
  PresentMember,
  PublishOptions,
} from './realtime/server/hub-channel.ts';
export type { HubDrainOptions, HubDrainReport } from './realtime/server/hub-drain.ts';
export {
  type Authentication,
  type AuthenticationRequest,
  defaultHubLimits,
  defaultSessionRate,
  type HubLimits,
  type HubOptions,
  type HubPlatform,
} from './realtime/server/hub-options.ts';
export type { HubProbe, WatchedSession } from './realtime/server/hub-probe.ts';
export type {
  HubInspection,
  InspectedChannel,
  InspectedSession,
} from './realtime/server/hub-inspection.ts';
export type { HistogramSnapshot, HubSnapshot } from './realtime/server/hub-statistics.ts';
export {
  FallbackEndpoint,
  type RequestSender,
} from './realtime/server/fallback/fallback-endpoint.ts';
export {
  defaultFallbackLimits,
  type FallbackLimits,
  type FallbackOptions,
} from './realtime/server/fallback/fallback-options.ts';
export {
  defaultRequestAdmission,
  type RequestAdmissionOptions,
} from './realtime/server/fallback/request-admission.ts';
export {
  type PrometheusOptions,
  prometheusContentType,
  prometheusText,
} from './realtime/server/prometheus-text.ts';
export {
  PublishEndpoint,
  type PublishEndpointOptions,
  type PublishOperation,
} from './realtime/server/publishing/publish-endpoint.ts';
export {
  type MadePublishKey,
  makePublishKey,
  type PublishKey,
  type PublishKeys,
  type PublishRight,
} from './realtime/server/publishing/publish-keys.ts';
export type { PublishTarget, RequestedPublication } from './realtime/server/publish-target.ts';
export type { LinkAcceptor, LinkPeer } from './realtime/server/link-acceptor.ts';
export type { SessionView } from './realtime/server/session.ts';
export type { WebSocketEndpoint, WebSocketLinkData } from './realtime/server/web-socket-link.ts';
export { RealtimeError, type RealtimeErrorCode, type WireError } from './realtime/wire/error-codes.ts';
export type { Delivery } from './realtime/wire/frames.ts';
