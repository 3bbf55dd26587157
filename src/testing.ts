// `fullduplex/testing`: connections in memory, virtual time, networks that cannot be trusted, a checker of
// histories and the contract of engines, for tests of code that uses this library.

export {
  type ConnectionPair,
  type ConnectionPairOptions,
  connectionPair,
} from './testing/connection-pair.ts';
export {
  defaultFrameRecorderOptions,
  FrameRecorder,
  type FrameRecorderOptions,
  type RecordedFrame,
  type RecordedFrameJson,
  recordFrames,
} from './testing/frame-recorder.ts';
export { DelegatingEngine } from './testing/delegating-engine.ts';
export { engineContract } from './testing/engine-contract.ts';
export type {
  EngineContractCase,
  EngineUnderTest,
  MakeEngine,
} from './testing/engine-contract/contract-case.ts';
export { FakeClock, immediateScheduler, settle } from './testing/fake-clock.ts';
export { HistoryChecker, type ChannelPromise, type LoggedEntry } from './testing/history-checker.ts';
export type { HistoryRates, Violation, ViolationKind } from './testing/history-checker/violation.ts';
export {
  calmEngineWeather,
  type EngineWeather,
  HostileEngine,
  type HostileEngineOptions,
} from './testing/hostile-engine.ts';
export {
  HostileNetwork,
  type HostileNetworkOptions,
  type HostileRoad,
} from './testing/hostile-network.ts';
export type { HostileServer } from './testing/hostile-network/road.ts';
export { calmWeather, type NetworkWeather, stormyWeather } from './testing/hostile-network/weather.ts';
export {
  MemoryTransport,
  type MemoryTransportOptions,
  memoryTransportPair,
} from './testing/memory-transport.ts';
export { SeededRandom } from './testing/seeded-random.ts';
