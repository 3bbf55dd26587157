// The options of a server on a platform that speaks the protocol by itself: those of a server on Node that such a
// platform can keep. The others are refused by name, because a limit that is silently dropped is missed too late.

import type { ConnectionOptions } from '../connection/connection-options.ts';
import type { Limitation } from '../connection/unsupported-options.ts';
import type { AdmissionOptions } from './admission.ts';
import type { EndpointOptions, ServerLimits, ServerOptions } from './server-options.ts';
import type { UpgradeDecision } from './upgrade-decision.ts';
import type { UpgradeRequest } from './upgrade-request.ts';

/** The options of a connection that hold on Bun, Deno and Workers as well. */
export type PlatformConnectionOptions = Pick<
  ConnectionOptions,
  | 'maxMessageBytes'
  | 'highWaterMarkBytes'
  | 'maxQueuedBytes'
  | 'pingIntervalMs'
  | 'pongTimeoutMs'
  | 'closeTimeoutMs'
  | 'binaryMessages'
>;

/** How an endpoint on Bun, Deno or Workers accepts connections, and how these behave. */
export interface PlatformEndpointOptions<Data = undefined, Path extends string = string>
  extends Partial<PlatformConnectionOptions>,
    Pick<EndpointOptions<Data, Path>, 'protocols' | 'allowedOrigins' | 'messageRate' | 'byteRate'> {
  /**
   * Names what connections share the two rates; as on Node. A rate that is exceeded closes: these platforms cannot stop
   * reading. @defaultValue each connection has rates of its own
   */
  rateKey?(request: UpgradeRequest<Path>): string | undefined;
  /** Decides about each request; as on Node. @defaultValue accepts, without data */
  upgrade?(request: UpgradeRequest<Path>): UpgradeDecision<Data> | Promise<UpgradeDecision<Data>>;
}

/** The options of a whole server on Bun, Deno or Workers. */
export interface PlatformServerOptions
  extends Partial<Pick<ServerLimits, 'handshakeTimeoutMs' | 'maxHeaderCount'>>,
    Pick<ServerOptions, 'onError' | 'clock'>,
    AdmissionOptions {}

const frames: Limitation = { because: 'the platform reads the frames by itself' };
const heads: Limitation = { because: 'the platform reads the requests by itself' };

/** What no platform keeps that speaks the protocol by itself. */
export const platformLimitations: ReadonlyMap<string, Limitation> = new Map([
  ['maxFrameBytes', frames],
  ['maxFragments', frames],
  ['maxRetainedBytes', frames],
  ['maxRetainedBytesTotal', frames],
  ['autoPong', { because: 'the platform answers every ping', kept: true }],
  ['validateUtf8', { because: 'the platform checks all text', kept: true }],
  ['receive', { because: 'the platform gives whole messages only', kept: 'whole' }],
  ['pauseOnBackpressure', { because: 'the platform cannot pause a connection', kept: false }],
  ['extension', frames],
  [
    'perMessageDeflate',
    { because: 'the platform compresses by its own rules, for a whole server or not', kept: false },
  ],
  ['maxHeaderBytes', heads],
  ['keepHandshake', { because: 'the platform writes the 101 by itself', kept: false }],
  ['server', { because: 'it is an option of Node' }],
]);
