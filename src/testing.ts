// `fullduplex/testing`: connections in memory, virtual time and the contract of engines, for tests of code that uses this library.

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
export {
  MemoryTransport,
  type MemoryTransportOptions,
  memoryTransportPair,
} from './testing/memory-transport.ts';
