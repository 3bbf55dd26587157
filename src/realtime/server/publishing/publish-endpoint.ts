// Publishing from other programs, over HTTP: POST of JSON with a key in the header Authorization, and nowhere else. It is for
// servers: no page of a browser is ever answered here, so that no key ends up in one.

import { systemClock, type Clock } from '../../../base/clock.ts';
import { RealtimeError } from '../../wire/error-codes.ts';
import { defaultFallbackLimits } from '../fallback/fallback-options.ts';
import { readJsonBody, requireJsonPost } from '../fallback/json-body.ts';
import { jsonResponse, refuseRequest, responseOfFailure } from '../fallback/refused-request.ts';
import type { PublishTarget } from '../publish-target.ts';
import { findPublishKey, type KnownKey, type PublishKeys, requirePublishKeys } from './publish-keys.ts';
import {
  readDisconnectRequest,
  readHistoryRequest,
  readPresenceRequest,
  readPublication,
} from './publish-request.ts';

/** What can be asked for: the last segment of the path. */
export type PublishOperation = 'publish' | 'history' | 'presence' | 'disconnect';

/** All operations. */
export const publishOperations: readonly PublishOperation[] = [
  'publish',
  'history',
  'presence',
  'disconnect',
];

/** The options of publishing over HTTP. */
export interface PublishEndpointOptions {
  /** The keys that count. */
  readonly publishKeys: PublishKeys;
  /** The longest body, in bytes. @defaultValue 1 MiB */
  readonly maxBodyBytes?: number;
  /** How long a body may take, in milliseconds. @defaultValue 10,000 */
  readonly bodyTimeoutMs?: number;
  /** Hears what failed. @defaultValue console.error */
  onError?(error: unknown): unknown;
  readonly clock?: Clock;
  /** The time in milliseconds since 1970, for the expiry of keys. @defaultValue Date.now */
  now?(): number;
}

/** The most publications of one request. */
export const maxPublicationsPerRequest = 1000;

const bearer = /^Bearer ([\w.~+/=-]{1,512})$/i;

/** Serves those who have a key. */
export class PublishEndpoint {
  readonly #target: PublishTarget;
  readonly #options: PublishEndpointOptions;
  readonly #keys: PublishKeys;

  /** @throws FullduplexError `WS_OPTION_INVALID` */
  constructor(target: PublishTarget, options: PublishEndpointOptions) {
    this.#target = target;
    this.#options = options;
    this.#keys = requirePublishKeys(options.publishKeys);
  }

  /** Answers a request; it never rejects. */
  async handle(operation: PublishOperation, request: Request): Promise<Response> {
    const { maxBodyBytes = defaultFallbackLimits.maxBodyBytes, clock = systemClock } = this.#options;
    const { bodyTimeoutMs = defaultFallbackLimits.bodyTimeoutMs } = this.#options;
    try {
      const { headers } = request;
      if (headers.has('Origin') || headers.has('Sec-Fetch-Site')) {
        throw refuseRequest(
          403,
          'FORBIDDEN',
          'a request of a browser, expected one of a server: keys do not belong into pages',
        );
      }
      requireJsonPost(request, maxBodyBytes);
      const key = await this.#keyOf(headers.get('Authorization'));
      const body = await readJsonBody(request, { maxBodyBytes, bodyTimeoutMs, clock });
      return jsonResponse(200, await this.#do(operation, key, body));
    } catch (failure) {
      const response = responseOfFailure(failure, (error) => this.#report(error));
      // RFC 9110 11.6.1: a 401 says how to authenticate.
      if (response.status === 401) response.headers.set('WWW-Authenticate', 'Bearer');
      return response;
    }
  }

  async #keyOf(authorization: string | null): Promise<KnownKey> {
    const presented = bearer.exec(authorization ?? '')?.[1];
    if (presented === undefined)
      throw new RealtimeError('UNAUTHENTICATED', 'no key, expected the header "Authorization: Bearer KEY"');
    return findPublishKey(presented, this.#keys, this.#options.now?.() ?? Date.now());
  }

  async #do(operation: PublishOperation, key: KnownKey, body: unknown): Promise<unknown> {
    switch (operation) {
      case 'publish':
        return Array.isArray(body) ? this.#publishAll(key, body) : this.#publish(key, body);
      case 'history': {
        const { channel, page } = readHistoryRequest(body);
        requireAccess(key, 'history', channel);
        return this.#target.history(channel, page);
      }
      case 'presence': {
        const { channel } = readPresenceRequest(body);
        requireAccess(key, 'presence', channel);
        return this.#target.presence(channel);
      }
      default: {
        const who = readDisconnectRequest(body);
        key.requireRight('disconnect');
        await this.#target.disconnect(who);
        return {};
      }
    }
  }

  async #publish(key: KnownKey, value: unknown): Promise<object> {
    const publication = readPublication(value);
    requireAccess(key, 'publish', publication.channel);
    if (publication.user !== undefined) key.requireRight('publish-as');
    const { idempotencyKey } = publication;
    const { offset } = await this.#target.publish(
      // Keys of their own: neither another publisher nor a client can take one.
      idempotencyKey === undefined
        ? publication
        : { ...publication, idempotencyKey: `http:${JSON.stringify([key.id, idempotencyKey])}` },
    );
    return offset === undefined ? {} : { offset };
  }

  // One after the other, so that the order of the list is that of the channel; each succeeds or fails by itself.
  async #publishAll(key: KnownKey, list: readonly unknown[]): Promise<object> {
    if (list.length > maxPublicationsPerRequest) {
      throw new RealtimeError(
        'TOO_LARGE',
        `${list.length} publications in one request, at most ${maxPublicationsPerRequest}`,
      );
    }
    const results: object[] = [];
    for (const value of list) {
      try {
        results.push(await this.#publish(key, value));
      } catch (failure) {
        if (!(failure instanceof RealtimeError)) throw failure;
        results.push({ error: failure.toWire() });
      }
    }
    return { results };
  }

  #report(error: unknown): void {
    if (this.#options.onError === undefined) console.error(error);
    else this.#options.onError(error);
  }
}

function requireAccess(key: KnownKey, right: PublishOperation, channel: string): void {
  key.requireRight(right);
  key.requireChannel(channel);
}
