// Who may do what on which channel: names are found, rules are asked, and what others may know of somebody is checked. Whatever is
// wrong is an error for that client only.

import { describe } from '../../base/errors.ts';
import { isThenable } from '../../base/rejections.ts';
import { validate } from '../contract/validate.ts';
import { channelNameProblem } from '../wire/channel-pattern.ts';
import { RealtimeError } from '../wire/error-codes.ts';
import { readJson, writeJson } from '../wire/json-codec.ts';
import type { SubscribeWish } from '../wire/frames.ts';
import type { ChannelDeclarations, FoundChannel } from './channel-declaration.ts';
import type { SessionView } from './session.ts';

/** What a subscription was allowed. */
export interface AllowedSubscription {
  readonly channel: FoundChannel;
  /** What others may know of the session, as JSON; undefined: it is not there for others, and does not see them. */
  readonly member: string | undefined;
}

/** Asks the rules. */
export class ChannelAccess {
  readonly #declarations: ChannelDeclarations;
  readonly #onError: (error: unknown) => unknown;

  constructor(declarations: ChannelDeclarations, onError: (error: unknown) => unknown) {
    this.#declarations = declarations;
    this.#onError = onError;
  }

  /**
   * Finds a channel that a client has named.
   * @throws RealtimeError `UNKNOWN_CHANNEL`, `FORBIDDEN` for the server's own names
   */
  find(name: string): FoundChannel {
    const problem = channelNameProblem(name);
    if (problem !== undefined) throw new RealtimeError('UNKNOWN_CHANNEL', problem);
    if (name.startsWith('$')) {
      throw new RealtimeError(
        'FORBIDDEN',
        `channel ${describe(name)} begins with "$", expected one that clients may name`,
      );
    }
    const found = this.#declarations.find(name);
    if (found !== undefined) return found;
    throw new RealtimeError(
      'UNKNOWN_CHANNEL',
      `channel ${describe(name)} is of no kind that this server has declared`,
    );
  }

  /**
   * Decides about a subscription.
   * @throws (as a rejection) RealtimeError
   */
  async subscription(session: SessionView, name: string, wish: SubscribeWish): Promise<AllowedSubscription> {
    const channel = this.find(name);
    await this.requireSubscribe(session, channel);
    const member = wish.presence === true ? await this.member(session, channel, wish.info) : undefined;
    return { channel, member };
  }

  /** @throws (as a rejection) RealtimeError `FORBIDDEN`, or what the rule threw */
  async requireSubscribe(session: SessionView, { name, declaration, params }: FoundChannel): Promise<void> {
    const { options } = declaration;
    const { user } = session;
    if (options.subscribe === undefined) return;
    const isAllowed = await this.ask(() => options.subscribe?.({ user, session, channel: name, params }));
    if (isAllowed !== true) throw forbidden('follow', name);
  }

  /**
   * Checks what a session wants others to know of it, and whether it may be there.
   * @returns that, as JSON
   */
  async member(session: SessionView, channel: FoundChannel, given: unknown): Promise<string> {
    const { name, declaration } = channel;
    const { contract } = declaration;
    if (contract.presence === undefined) {
      throw new RealtimeError('FORBIDDEN', `channel ${describe(name)} has no presence in the contract`);
    }
    const info: unknown = await validate(contract.presence, given, 'info');
    await this.#askPresence(session, channel, info);
    return writeJson({ user: session.user, info });
  }

  /** Asks again whether somebody may be there, with what was checked before. */
  async requirePresence(session: SessionView, channel: FoundChannel, member: string): Promise<void> {
    const known = readJson(member);
    const info: unknown =
      typeof known === 'object' && known !== null && 'info' in known ? known.info : undefined;
    await this.#askPresence(session, channel, info);
  }

  async #askPresence(session: SessionView, channel: FoundChannel, info: unknown): Promise<void> {
    const { name, declaration, params } = channel;
    const { options } = declaration;
    const { user } = session;
    if (options.presence === undefined) return;
    const isAllowed = await this.ask(() =>
      options.presence?.({ user, session, channel: name, params, info }),
    );
    if (isAllowed !== true) throw forbidden('be seen on', name);
  }

  /**
   * Decides about a publication, at once where schema and rule answer at once.
   * @returns the data that goes on
   */
  publication(
    session: SessionView,
    { name, declaration, params }: FoundChannel,
    event: string,
    given: unknown,
  ): unknown {
    const { options, contract } = declaration;
    if (options.publish === undefined) throw forbidden('publish on', name);
    const schema =
      contract.events === undefined || !Object.hasOwn(contract.events, event)
        ? undefined
        : contract.events[event];
    if (schema === undefined) {
      throw new RealtimeError(
        'UNKNOWN_EVENT',
        `event ${describe(event)} is not one of channel ${describe(name)}: ${declaration.events.join(', ')}`,
      );
    }
    const decide = (data: unknown): unknown => {
      const { user } = session;
      const answer = this.ask(() => options.publish?.({ user, session, channel: name, params, event, data }));
      if (answer === true) return data;
      if (!(answer instanceof Promise)) throw forbidden('publish that on', name);
      return answer.then((isAllowed: unknown) => {
        if (isAllowed === true) return data;
        throw forbidden('publish that on', name);
      });
    };
    const data = validate(schema, given, 'data');
    return data instanceof Promise ? data.then(decide) : decide(data);
  }

  /** Asks a rule or a handler; what it throws beside a RealtimeError is told to the application and not to the client. */
  ask(rule: () => unknown): unknown {
    try {
      const answer = rule();
      return isThenable(answer)
        ? Promise.resolve(answer).catch((error: unknown) => this.#failed(error))
        : answer;
    } catch (error) {
      return this.#failed(error);
    }
  }

  #failed(error: unknown): never {
    if (error instanceof RealtimeError) throw error;
    this.#onError(error);
    throw new RealtimeError('HANDLER_FAILED', 'the server failed to decide about this', { retryable: true });
  }
}

function forbidden(what: string, name: string): RealtimeError {
  return new RealtimeError('FORBIDDEN', `the session may not ${what} channel ${describe(name)}`);
}
