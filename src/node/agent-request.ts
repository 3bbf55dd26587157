// The opening handshake through an HTTP agent of the user's. How an agent gives sockets is its own affair (Node documents
// no other way to get at one than a request), so node:http carries the request here and reads the answer; what both
// mean is judged by the same ClientHandshake as everywhere.

import { type Agent, type IncomingMessage, request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';
import { FullduplexError } from '../base/errors.ts';
import type {
  AcceptedHandshake,
  ClientHandshake,
  ClientHandshakeResult,
} from '../protocol/handshake/client-handshake.ts';
import { equalsIgnoringCase } from '../protocol/handshake/header-grammar.ts';
import { HeaderList } from '../protocol/handshake/header-list.ts';
import { encodeLatin1, formatResponseHead } from '../protocol/handshake/http-head.ts';
import { defaultHeadLimits } from '../protocol/handshake/http-head-parser.ts';
import { abortReasonOf, ignore, requireUsable } from './abortable.ts';
import { certificateInvalid, connectFailed, type EnterPhase } from './connect-errors.ts';
import { type ConnectOptions, defaultConnectOptions } from './connect-options.ts';
import type { ConnectTarget } from './connect-target.ts';

/** What is asked for through an agent. */
export interface AgentRequest {
  readonly agent: Agent;
  readonly handshake: ClientHandshake;
  readonly target: ConnectTarget;
  readonly options: ConnectOptions;
}

/** Checks the option. @throws FullduplexError `WS_OPTION_INVALID` */
export function requireAgent(agent: unknown): void {
  // Not instanceof: agents come from packages, and those of other realms work as well. Node looks for this method too.
  if (agent === undefined || (typeof agent === 'object' && agent !== null && 'addRequest' in agent)) return;
  throw new FullduplexError(
    'WS_OPTION_INVALID',
    'option agent is no agent, expected an http.Agent for ws: or an https.Agent for wss:',
  );
}

/**
 * Asks for the connection; calls `accept` within the event that brings the answer, since the stream flows from then on.
 * @throws FullduplexError `WS_CONNECT_FAILED`, `WS_CERTIFICATE_INVALID`, `WS_OPTION_INVALID`, HandshakeError, or the reason
 * of the abort
 */
export function requestThroughAgent<T>(
  { agent, handshake, target, options }: AgentRequest,
  signal: AbortSignal,
  enter: EnterPhase,
  accept: (stream: Duplex, accepted: AcceptedHandshake) => T | Promise<T>,
): Promise<T> {
  const { host, port, socketPath, isSecure, label } = target;
  enter('connect', label);
  const { method, target: path, headers } = handshake.request;
  const { autoSelectFamilyAttemptTimeout } = defaultConnectOptions;
  const socket = { autoSelectFamilyAttemptTimeout, ...options.socket };
  const request = requireUsable('agent', () =>
    (isSecure ? httpsRequest : httpRequest)({
      ...socket,
      ...(isSecure ? { ALPNProtocols: ['http/1.1'], ...options.tls } : {}),
      ...(socketPath === undefined ? { host, port } : { socketPath }),
      agent,
      method,
      path,
      headers: [...headers].flat(),
      maxHeaderSize: defaultHeadLimits.maxHeaderBytes,
    }),
  );
  // For good: an agent may report late what nobody waits for any more.
  request.on('error', ignore);
  return new Promise<T>((resolve, reject) => {
    const settle = (outcome: () => void): void => {
      request.off('error', failed).off('close', closed);
      signal.removeEventListener('abort', cut);
      outcome();
    };
    const fail = (error: unknown): void =>
      settle(() => {
        request.destroy();
        reject(error);
      });
    const judge = (result: ClientHandshakeResult): void => {
      if (result.kind === 'failed') fail(result.error);
    };
    const failed = (error: Error): void => {
      const secure = request.socket instanceof TLSSocket ? request.socket : undefined;
      const isCertificate = Boolean(secure?.authorizationError);
      fail(isCertificate ? certificateInvalid(host, error) : connectFailed(label, error));
    };
    const closed = (): void => judge(handshake.end());
    const cut = (): void => {
      const reason = abortReasonOf(signal);
      const isLate = reason instanceof FullduplexError && reason.code === 'WS_HANDSHAKE_TIMEOUT';
      const result = isLate ? handshake.end() : undefined;
      const isRefused = result?.kind === 'failed' && result.error.code === 'WS_HANDSHAKE_REFUSED';
      fail(isRefused ? result.error : reason);
    };
    request.on('error', failed).on('close', closed);
    signal.addEventListener('abort', cut);
    request.once('socket', (stream) => {
      if (stream.connecting)
        stream.once(isSecure ? 'secureConnect' : 'connect', () => enter('response', label));
      else enter('response', label);
    });
    // A 101 without Upgrade is no 'upgrade' to Node.
    request.on('information', ({ statusCode, statusMessage, rawHeaders }) => {
      if (statusCode === 101) judge(handshake.receive(headOf(statusCode, statusMessage, rawHeaders)));
    });
    request.on('upgrade', (response, stream, head) => {
      stream.on('error', ignore);
      const result = handshake.receive(headOfMessage(response));
      if (result.kind !== 'accepted') {
        stream.destroy();
        judge(result);
        return;
      }
      settle(() => resolve(accept(stream, { ...result, remaining: head })));
    });
    request.on('response', (response) => {
      // Of a body that is cut off there is a start nevertheless.
      response.on('error', ignore);
      judge(handshake.receive(headOfMessage(response)));
      response.on('data', (chunk: Uint8Array) => judge(handshake.receive(chunk))).on('close', closed);
    });
    if (signal.aborted) cut();
    else request.end();
  });
}

function headOfMessage({ statusCode = 0, statusMessage = '', rawHeaders }: IncomingMessage): Uint8Array {
  return headOf(statusCode, statusMessage, rawHeaders);
}

/** The head as it may have come over the wire; of the body Node has undone the transfer coding. */
function headOf(status: number, reason: string, rawHeaders: readonly string[]): Uint8Array {
  const headers = new HeaderList();
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const [name, value] = rawHeaders.slice(index, index + 2);
    if (!equalsIgnoringCase(name, 'Transfer-Encoding')) headers.append(name, value);
  }
  return encodeLatin1(formatResponseHead({ status, reason, headers }));
}
