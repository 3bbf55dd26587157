// Tabs that share a client of a hub.

import type { ClientOptions } from '../../../src/realtime/client/client-options.ts';
import type { ShareOptions } from '../../../src/realtime/tabs/tab-options.ts';
import { SeededRandom } from '../../../src/testing.ts';
import { chat, type ChatHub, chatHub, endsWithTest, useChatHubs } from '../chat-hub.ts';
import { type MemoryTab, MemoryTabs } from './memory-tabs.ts';

useChatHubs();

export interface Scene extends ChatHub {
  readonly random: SeededRandom;
  readonly tab: (options?: Partial<ShareOptions>, client?: ClientOptions) => MemoryTab;
}

export function scene(seed: number | string = 1): Scene {
  const random = new SeededRandom(seed);
  const served = chatHub();
  const tabs = new MemoryTabs(served.clock, random, served.hub, chat);
  return {
    ...served,
    random,
    tab: (options, client) => {
      const tab = tabs.tab(options, client);
      endsWithTest(() => tab.client.close());
      return tab;
    },
  };
}
