// A client: one connection that comes back, with the channels, requests and handlers that live longer than any link. The parts know
// nothing of each other; this file brings what arrives to the one that it is for, and what they say to the link.

import { FullduplexError } from '../../base/errors.ts';
import type { ContractDefinition } from '../contract/contract.ts';
import type { LinkKind } from '../link/link.ts';
import { RealtimeError } from '../wire/error-codes.ts';
import { type Hello, protocolVersion } from '../wire/frames.ts';
import { writeJsonTersely as writeJson } from '../wire/json-codec.ts';
import { randomFraction } from './backoff.ts';
import { type ChannelHost, type ChannelOptions, ClientChannel, type RequestSettings } from './channel.ts';
import type { ResolvedClientOptions } from './client-options.ts';
import { type ConnectionState, Connector, type ConnectorEvents, type LinkOpeners } from './connector.ts';
import { EventStream } from './event-stream.ts';
import { type Listener, Listeners } from './listeners.ts';
import { Requests } from './requests.ts';
import { type ServerCallHandler, ServerCalls } from './server-calls.ts';
import { Subscriptions } from './subscriptions.ts';
import { Token } from './token.ts';

/** How one call is made. */
export interface CallSettings extends RequestSettings {
  /**
   * Whether running it twice does no harm: it is then made again when nobody knows whether it was run.
   * @defaultValue what the contract says, where the client was made with one; false
   */
  readonly idempotent?: boolean;
}

/** A client without the types of its contract; `createClient` gives it those. */
export class RealtimeClient {
  readonly #failed = (error: unknown): void => {
    if (!this.#listeners.tell('error', error)) reportError(error);
  };
  readonly #host: ChannelHost;
  readonly #contract: ContractDefinition | undefined;
  readonly #options: ResolvedClientOptions;
  readonly #token: Token;
  readonly #listeners: Listeners;
  readonly #connector: Connector;
  readonly #requests: Requests;
  readonly #calls: ServerCalls;
  readonly #subscriptions: Subscriptions;
  readonly #sessionStream: EventStream;
  readonly #userStream: EventStream;
  #session: Hello['session'];
  // Who waits until the present token is accepted, or never will be.
  readonly #refreshes: ((error?: RealtimeError) => void)[] = [];
  #user: string | undefined;
  #closeError: RealtimeError | undefined;

  constructor(
    contract: ContractDefinition | undefined,
    options: ResolvedClientOptions,
    openers: LinkOpeners,
  ) {
    this.#contract = contract;
    this.#options = options;
    this.#token = new Token(options.token);
    this.#listeners = new Listeners(reportError);
    const own = {
      name: '',
      readerLimit: 1,
      failed: this.#failed,
    };
    this.#sessionStream = new EventStream(own);
    this.#userStream = new EventStream(own);
    this.#connector = new Connector(openers, options, this.#token, this.#events());
    const idPrefix = `${randomFraction(options.random).toString(36).slice(2)}-`;
    this.#requests = new Requests(options, idPrefix, this.#connector);
    this.#calls = new ServerCalls(this.#connector);
    this.#subscriptions = new Subscriptions(this.#connector, this.#sessionStream, this.#userStream);
    this.#host = {
      readerLimit: options.maxQueuedPublications,
      patch: options.patch,
      failed: this.#failed,
      requests: this.#requests,
      subscriptions: this.#subscriptions,
    };
    this.#connector.open();
  }

  get state(): ConnectionState {
    return this.#connector.state;
  }

  get transport(): LinkKind | undefined {
    return this.#connector.kind;
  }

  get sessionId(): string | undefined {
    return this.#session?.[0];
  }

  get user(): string | undefined {
    return this.#user;
  }

  get closeError(): RealtimeError | undefined {
    return this.#closeError;
  }

  readonly direct: { on(event: string, listener: Listener): () => void } = {
    on: (event, listener) => {
      const removeFirst = this.#sessionStream.on(event, listener);
      const removeSecond = this.#userStream.on(event, listener);
      return () => {
        removeFirst();
        removeSecond();
      };
    },
  };

  on(event: string, listener: Listener): () => void {
    return this.#listeners.on(event, listener);
  }

  channel(name: string, options?: ChannelOptions): ClientChannel {
    const present = this.#subscriptions.get(name);
    // Throws for what cannot be written, before any hello is.
    const wanted = JSON.stringify(options);
    if (present) {
      if (options && wanted !== JSON.stringify(present.options)) {
        throw new FullduplexError('WS_STATE_INVALID', `channel ${name} has other options`);
      }
      return present;
    }
    const channel = new ClientChannel(name, options ?? {}, this.#host);
    if (this.state === 'closed') channel.setStatus('left', this.#closeError);
    else this.#subscriptions.add(channel);
    return channel;
  }

  call(name: string, input?: unknown, settings: CallSettings = {}): Promise<unknown> {
    const declared = this.#contract?.calls?.[name]?.idempotent === true;
    return this.#requests.make(0, name, input, settings, settings.idempotent ?? declared);
  }

  handle(name: string, handler: ServerCallHandler): () => void {
    return this.#calls.handle(name, handler);
  }

  /**
   * Shows another token. The promise resolves when the server has accepted it, or a newer one that was shown meanwhile; it rejects, with `retryable`, when the server cannot
   * look at it now: then the one before holds on, and the next connection shows the new one.
   */
  async refresh(token: string): Promise<void> {
    if (this.state === 'closed') throw this.#closed();
    this.#token.replace(token);
    return new Promise((resolve, reject) => {
      const settle = (error?: RealtimeError): void => (error ? reject(error) : resolve());
      // One at a time, since the answer does not name it: this one follows the answer to the one before.
      if (this.#refreshes.push(settle) < 2) this.#judged();
    });
  }

  close(): void {
    // Others see at once that it has left: a connection that is only lost is waited for.
    this.#subscriptions.removeAll();
    this.#connector.close();
  }

  #events(): ConnectorEvents {
    return {
      hello: (isProbe) => {
        const token = this.#token.current;
        const greeting = {
          v: protocolVersion,
          contract: this.#contract?.version ?? this.#options.contractVersion,
          token,
        };
        if (isProbe) return greeting;
        this.#token.isSaid = true;
        return { ...greeting, session: this.#session, ...this.#subscriptions.hello() };
      },
      session: () => this.#session,
      welcomed: (welcome, isFirst) => {
        const { resumed } = welcome;
        this.#session = welcome.session;
        this.#user = welcome.user;
        if (!resumed) this.#calls.forget();
        if (isFirst || !resumed) this.#requests.opened(welcome.maxBytes, resumed ? welcome.againMs : 0);
        this.#subscriptions.welcomed(welcome);
        this.#judged();
      },
      received: (frame) => {
        switch (frame[0]) {
          // A reply, a request, and one that is given up.
          case 5:
            this.#requests.answered(frame);
            break;
          case 4:
            this.#calls.called(frame).catch(this.#failed);
            break;
          case 14:
            this.#calls.cancelled(frame[1]);
            break;
          // The token was accepted, or something was wrong that is no request.
          case 8:
            if (!frame[2]) {
              this.#user = frame[1] ?? undefined;
              this.#token.aged();
            }
            this.#judged(frame[2] && RealtimeError.fromWire(frame[2]));
            break;
          case 13:
            this.#failed(RealtimeError.fromWire(frame[1]));
            // What went up beside a link that goes one way was not looked at: it is sent again behind the next hello.
            if (frame[1].retryable) this.#connector.sayAgain();
            break;
          default:
            this.#subscriptions.received(frame);
        }
      },
      lost: () => this.#subscriptions.lost(),
      changed: (state, cause) => {
        const isClosed = state === 'closed';
        if (isClosed) {
          if (cause instanceof RealtimeError) this.#closeError = cause;
          const error = this.#closed();
          this.#requests.close(error);
          this.#settleRefreshes(error);
          this.#calls.forget();
          this.#subscriptions.removeAll(this.#closeError);
        }
        this.#listeners.tell('state', state, cause);
        if (isClosed && this.#closeError) this.#listeners.tell('error', this.#closeError);
      },
    };
  }

  // What the server was shown; if that has been replaced since, only what becomes of the newer one counts.
  #judged(error?: RealtimeError): void {
    const token = this.#token;
    if (!token.isSaid) token.isSaid = this.#connector.sendChange(writeJson([8, token.current]));
    else if (this.#settleRefreshes(error) && !error) this.#subscriptions.retryRefused();
  }

  // Gives whether anybody waited.
  #settleRefreshes(error?: RealtimeError): boolean {
    return this.#refreshes.splice(0).map((settle) => settle(error)).length > 0;
  }

  #closed(): RealtimeError {
    return this.#closeError ?? new RealtimeError('CLOSED', 'closed');
  }
}

/** An error that nobody listens for goes where the platform brings those that nobody caught. */
function reportError(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}
