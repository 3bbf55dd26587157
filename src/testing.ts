// `fullduplex/testing`: connections in memory and virtual time, for tests of code that uses this library.

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
export { FakeClock, immediateScheduler, settle } from './testing/fake-clock.ts';
export {
  MemoryTransport,
  type MemoryTransportOptions,
  memoryTransportPair,
} from './testing/memory-transport.ts';
