// What the body of a fallback request says, read strictly: whoever sends it may be anybody. What is in the hello and in the
// frames is for the hub to judge; here they only have to have the form of one.

import { describe } from '../../../base/errors.ts';
import type { ClientFrame } from '../../wire/frames.ts';
import { writeJson } from '../../wire/json-codec.ts';
import { refuseRequest } from './refused-request.ts';

/** A request that opens a link, or that brings frames beside one. */
export type ReadFallbackRequest =
  | {
      readonly link: 'stream' | 'poll';
      /** The hello as the frame that it is, written as JSON. */
      readonly hello: string;
      /** Whether the client waits for the welcome itself: it has no session yet, or says so. */
      readonly isUrgent: boolean;
    }
  | {
      readonly link: 'send';
      readonly session: readonly [id: string, secret: string];
      readonly frames: readonly ClientFrame[];
    };

/** The most frames that one request may bring. */
export const maxFramesPerRequest = 256;

// Far above what any of ours is.
const maxSessionTextLength = 256;

/**
 * Reads the body of a request.
 * @throws RefusedRequest 400 or 413
 */
export function readFallbackRequest(body: unknown): ReadFallbackRequest {
  if (!isRecord(body)) throw invalid(`a body that is ${describe(body)}, expected an object`);
  const { link } = body;
  if (link === 'stream' || link === 'poll') return readOpening(link, body);
  if (link !== 'send') throw invalid(`link ${describe(link)}, expected "stream", "poll" or "send"`);
  requireOnly(body, ['link', 'session', 'frames']);
  const { session, frames } = body;
  if (!isSession(session))
    throw invalid(`session ${describe(session)}, expected an array of its id and its secret`);
  if (!Array.isArray(frames) || frames.length === 0)
    throw invalid(`frames ${describe(frames)}, expected an array of frames`);
  if (frames.length > maxFramesPerRequest) {
    throw refuseRequest(
      413,
      'TOO_LARGE',
      `${frames.length} frames in one request, at most ${maxFramesPerRequest}`,
    );
  }
  return { link, session, frames: frames.map(readFrame) };
}

function readOpening(link: 'stream' | 'poll', body: Readonly<Record<string, unknown>>): ReadFallbackRequest {
  requireOnly(body, link === 'poll' ? ['link', 'hello', 'now'] : ['link', 'hello']);
  const { hello, now } = body;
  if (now !== undefined && now !== true) throw invalid(`now ${describe(now)}, expected true`);
  if (!isRecord(hello)) throw invalid(`hello ${describe(hello)}, expected an object`);
  return { link, hello: writeJson([1, hello]), isUrgent: now === true || hello.session === undefined };
}

// Only what a link that goes one way cannot carry itself: subscriptions and the token travel in its hello.
function readFrame(frame: unknown): ClientFrame {
  if (isHeartbeat(frame) || isRequest(frame) || isReply(frame) || isCancel(frame)) return frame;
  throw invalid(
    `a frame that is ${describe(Array.isArray(frame) ? frame[0] : frame)}, expected a request, a reply, a cancellation or a heartbeat`,
  );
}

function isHeartbeat(frame: unknown): frame is readonly [] {
  return Array.isArray(frame) && frame.length === 0;
}

function isRequest(frame: unknown): frame is Extract<ClientFrame, readonly [4, ...unknown[]]> {
  if (!Array.isArray(frame) || frame[0] !== 4 || frame.length < 5) return false;
  const [, id, channel, name, , options]: readonly unknown[] = frame;
  // Aliases belong to a connection, and this is none.
  if (!isRequestId(id) || typeof name !== 'string' || (channel !== 0 && typeof channel !== 'string'))
    return false;
  return options === undefined || isRecord(options);
}

function isReply(frame: unknown): frame is Extract<ClientFrame, readonly [5, ...unknown[]]> {
  if (!Array.isArray(frame) || frame[0] !== 5 || frame.length < 3) return false;
  const [, id, , error]: readonly unknown[] = frame;
  return isRequestId(id) && (error === undefined || isRecord(error));
}

function isCancel(frame: unknown): frame is Extract<ClientFrame, readonly [14, ...unknown[]]> {
  return Array.isArray(frame) && frame[0] === 14 && isRequestId(frame[1]);
}

function isRequestId(id: unknown): id is number | string {
  return typeof id === 'string' ? id.length > 0 && id.length <= 64 : Number.isSafeInteger(id);
}

function isSession(session: unknown): session is readonly [id: string, secret: string] {
  return Array.isArray(session) && session.length === 2 && session.every(isSessionText);
}

function isSessionText(text: unknown): boolean {
  return typeof text === 'string' && text.length > 0 && text.length <= maxSessionTextLength;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function requireOnly(body: Readonly<Record<string, unknown>>, known: readonly string[]): void {
  const unknown = Object.keys(body).find((key) => !known.includes(key));
  if (unknown !== undefined) throw invalid(`a field ${describe(unknown)}, expected only ${known.join(', ')}`);
}

function invalid(message: string): Error {
  return refuseRequest(400, 'BAD_FRAME', message);
}
