// What those who have a key may ask of a hub: channels by names that nobody has checked yet, and data of any kind. The contract
// checks both.

import { FullduplexError } from '../../../base/errors.ts';
import type { ContractDefinition } from '../../contract/contract.ts';
import { RealtimeError } from '../../wire/error-codes.ts';
import { HubChannel } from '../hub-channel.ts';
import type { HubCore } from '../hub-core.ts';
import type { PublishTarget } from './publish-endpoint.ts';
import type { HttpPublication } from './publish-request.ts';

/** A hub without the types of its contract. */
export class HubPublishTarget implements PublishTarget {
  readonly #core: HubCore;

  constructor(core: HubCore) {
    this.#core = core;
  }

  async publish({
    channel,
    event,
    data,
    ...options
  }: HttpPublication): Promise<{ readonly offset?: number | undefined }> {
    return await this.#channel(channel).publish(event, data, options);
  }

  async history(
    channel: string,
    page: { readonly before?: number; readonly count: number },
  ): Promise<unknown> {
    return { publications: await this.#channel(channel).history(page) };
  }

  async presence(channel: string): Promise<unknown> {
    return await this.#channel(channel).presence();
  }

  async disconnect({ user, session }: { readonly user?: string; readonly session?: string }): Promise<void> {
    const message = 'the server has ended the session';
    if (user !== undefined) await this.#core.disconnect({ user }, message);
    else if (session !== undefined) await this.#core.disconnect({ session }, message);
  }

  #channel(name: string): HubChannel<ContractDefinition, string> {
    try {
      return new HubChannel<ContractDefinition, string>(name, this.#core);
    } catch (error) {
      // What is the caller's mistake in a program is the client's over HTTP.
      if (error instanceof FullduplexError) throw new RealtimeError('UNKNOWN_CHANNEL', error.message);
      throw error;
    }
  }
}
