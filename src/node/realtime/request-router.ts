// Takes the ordinary requests of some paths from an HTTP server before its own listeners see them. Node tells every listener
// of 'request' of every request, so that a framework on the same server would answer ours with its 404: it must not
// hear of them, whenever it began to listen.

import type { Server } from 'node:net';
import type { NodeRequest } from './fetch-request.ts';
import type { NodeResponse } from './fetch-response.ts';

/** Answers a request. */
export type RequestHandler = (request: NodeRequest, response: NodeResponse) => void;

/** Gives what answers a request; undefined leaves it to the others. */
export type TakeRequest = (request: NodeRequest) => RequestHandler | undefined;

type Emit = (event: string | symbol, ...values: unknown[]) => unknown;

function isEmit(value: unknown): value is Emit {
  return typeof value === 'function';
}

const takers = new WeakMap<Server, Set<TakeRequest>>();

/**
 * Begins to take requests.
 * @param server one of node:http, node:https or node:http2
 * @returns what ends it
 */
export function takeRequests(server: Server, take: TakeRequest): () => void {
  let taking = takers.get(server);
  if (taking === undefined) {
    taking = new Set();
    takers.set(server, taking);
    standBefore(server, taking);
  }
  const set = taking;
  set.add(take);
  return () => set.delete(take);
}

// Once it stands there it stays: whoever has put something over it must not lose that.
function standBefore(server: Server, taking: ReadonlySet<TakeRequest>): void {
  const before: unknown = Reflect.get(server, 'emit');
  if (!isEmit(before)) return;
  const emit: Emit = (event, ...values) => {
    // 'checkContinue' only where somebody listens for it; a 100 is then ours to send.
    if ((event === 'request' || event === 'checkContinue') && taking.size > 0) {
      const [request, response] = values;
      if (isRequest(request) && isResponse(response)) {
        for (const take of taking) {
          const handler = take(request);
          if (handler === undefined) continue;
          if (event === 'checkContinue') response.writeContinue();
          handler(request, response);
          return true;
        }
      }
    }
    return Reflect.apply(before, server, [event, ...values]);
  };
  Reflect.set(server, 'emit', emit);
}

// What a server of Node emits; another kind of value comes only from whoever emits by hand.
function isRequest(value: unknown): value is NodeRequest {
  return typeof value === 'object' && value !== null && 'rawHeaders' in value && 'socket' in value;
}

function isResponse(value: unknown): value is NodeResponse {
  return typeof value === 'object' && value !== null && 'writeContinue' in value && 'setHeader' in value;
}
