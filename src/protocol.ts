// `fullduplex/protocol`: RFC 6455 without I/O, for those who bring their own transport and for tools that look at
// bytes. Runs unchanged in Node, browsers and every other JavaScript platform.

export { cryptoRandom, type RandomSource } from './base/random.ts';
export { type ErrorCode, FullduplexError } from './base/errors.ts';
export { portableTextCodec, type TextCodec } from './base/text-codec.ts';
export {
  CloseCode,
  isApplicationCloseCode,
  isWireCloseCode,
  maxCloseReasonBytes,
} from './protocol/close-code.ts';
export { type CloseBody, encodeCloseBody, parseCloseBody } from './protocol/close-frame.ts';
export {
  type ClosingEvent,
  type ClosingState,
  canReceive,
  canSend,
  nextClosingState,
} from './protocol/closing-handshake.ts';
export type {
  CodecCallback,
  Deflater,
  Extension,
  Inflater,
  NegotiatedExtension,
  RsvBit,
  SharedDeflater,
} from './protocol/extensions/extension.ts';
export {
  closeText,
  hexByte,
  payloadPreview,
  payloadText,
  type UnmaskedFrame,
  unmaskedPayload,
} from './protocol/frame-description.ts';
export { FrameDecoder, type FrameDecoderOptions, type FrameSink } from './protocol/frame-decoder.ts';
export { FrameEncoder } from './protocol/frame-encoder.ts';
export { type FrameHeader, frameHeaderLength, writeFrameHeader } from './protocol/frame-header.ts';
export {
  FrameCollector,
  type FrameDirection,
  type FrameObserver,
  type ObservedFrame,
} from './protocol/frame-observer.ts';
export { defaultLimits, type ProtocolLimits } from './protocol/limits.ts';
export { maskInPlace, readMaskKey, rotateMaskKey } from './protocol/mask.ts';
export { MaskKeyPool } from './protocol/mask-key-pool.ts';
export { MemoryBudget } from './protocol/memory-budget.ts';
export { isControlOpcode, isKnownOpcode, Opcode, opcodeName } from './protocol/opcode.ts';
export { OutputBuffer } from './protocol/output-buffer.ts';
export { PreparedMessage } from './protocol/prepared-message.ts';
export { Protocol, type ProtocolSink } from './protocol/protocol.ts';
export { type ProtocolOptions, ProtocolSettings } from './protocol/protocol-settings.ts';
export { ProtocolError } from './protocol/protocol-error.ts';
export { StagingPool } from './protocol/staging-pool.ts';
export { Traffic } from './protocol/traffic.ts';
export { Utf8Validator } from './protocol/utf8-validator.ts';

// permessage-deflate
export type {
  DeflateCodec,
  DeflateCodecFeatures,
  DeflateParameters,
  InflateParameters,
} from './protocol/extensions/permessage-deflate/codec.ts';
export { compressionStreamCodec } from './protocol/extensions/permessage-deflate/compression-stream-codec.ts';
export {
  defaultPerMessageDeflateOptions,
  type PerMessageDeflateOptions,
} from './protocol/extensions/permessage-deflate/options.ts';
export { PerMessageDeflate } from './protocol/extensions/permessage-deflate/per-message-deflate.ts';

// The opening handshake
export {
  type ExtensionOffer,
  type ExtensionParameter,
  formatExtensions,
  parseExtensions,
} from './protocol/extensions/extension-header.ts';
export { confirmExtensions, negotiateExtensions } from './protocol/extensions/negotiation.ts';
export { computeAccept, isKey, makeKey } from './protocol/handshake/accept-key.ts';
export {
  ClientHandshake,
  type ClientHandshakeOptions,
  type ClientHandshakeResult,
  defaultClientHandshakeOptions,
} from './protocol/handshake/client-handshake.ts';
export type { Agreement, ClientOfferOptions } from './protocol/handshake/client-offer.ts';
export {
  ExtendedConnectHandshake,
  type ExtendedConnectResult,
} from './protocol/handshake/extended-connect-handshake.ts';
export { readHttp2Request } from './protocol/handshake/extended-connect.ts';
export { HandshakeError, type HandshakeErrorDetails } from './protocol/handshake/handshake-error.ts';
export { encodeRefusal, type HandshakeRefusal } from './protocol/handshake/handshake-refusal.ts';
export { type HeaderInit, HeaderList } from './protocol/handshake/header-list.ts';
export {
  formatRequestHead,
  formatResponseHead,
  type RequestHead,
  type ResponseHead,
} from './protocol/handshake/http-head.ts';
export {
  defaultHeadLimits,
  type HeadLimits,
  type HeadResult,
  RequestHeadParser,
  ResponseHeadParser,
} from './protocol/handshake/http-head-parser.ts';
export {
  type AcceptableRequest,
  type AcceptOptions,
  type HandshakeAcceptance,
  ServerHandshake,
  type ServerHandshakeOptions,
} from './protocol/handshake/server-handshake.ts';
export { portableSha1, type Sha1 } from './protocol/handshake/sha1.ts';
