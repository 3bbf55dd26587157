// The hub with what Node has: what is told in one turn of the event loop leaves in one message, and text is encoded by Buffer.

import type { ContractDefinition } from '../../realtime/contract/contract.ts';
import { Hub as PortableHub } from '../../realtime/server/hub.ts';
import type { HubOptions, HubPlatform } from '../../realtime/server/hub-options.ts';
import { nodeScheduler } from '../node-scheduler.ts';
import { nodeTextCodec } from '../node-text-codec.ts';
import { realtimeProbe } from './realtime-diagnostics.ts';

const platform: HubPlatform = Object.freeze({
  scheduler: nodeScheduler,
  text: nodeTextCodec,
  probe: realtimeProbe,
});

/** A hub: the server of the realtime layer. */
export class Hub<C extends ContractDefinition, Data = undefined> extends PortableHub<C, Data> {
  /**
   * @param contract what server and clients share
   * @throws FullduplexError `WS_OPTION_INVALID`
   */
  constructor(contract: C, options: HubOptions<Data> = {}) {
    super(contract, options, platform);
  }
}
