// @vitest-environment happy-dom
// The hooks over a client that tabs share.

import * as React from 'react';
import { createRoot } from 'react-dom/client';
import { afterEach, expect, test, vi } from 'vitest';
import { createHooks } from '../../../src/realtime/react/hooks.ts';
import type { SharedClient } from '../../../src/realtime/tabs/share-client.ts';
import type { chat } from '../chat-hub.ts';
import type { MemoryTab } from '../tabs/memory-tabs.ts';
import { scene } from '../tabs/scene.ts';

function isShared(_client: unknown): _client is SharedClient<typeof chat> {
  return true;
}

function sharedBy({ client }: MemoryTab): SharedClient<typeof chat> {
  if (!isShared(client)) throw new Error('it always is');
  return client;
}

afterEach(() => vi.unstubAllGlobals());

test('a component follows a channel of a client that tabs share, also when another tab leads from then on', async () => {
  vi.stubGlobal('IS_REACT_ACT_ENVIRONMENT', true);
  const { hub, tab, pass } = scene();
  const leader = tab();
  const client = sharedBy(tab());
  const { useChannel, useConnectionState, usePresence } = createHooks(React);
  function Room(): React.ReactNode {
    const room = useChannel(client, 'chat:42', { presence: true });
    const { count } = usePresence(room);
    const [heard, setHeard] = React.useState<readonly unknown[]>([]);
    React.useEffect(() => room.on('message', (data) => setHeard((before) => [...before, data])), [room]);
    return React.createElement('p', {}, `${useConnectionState(client)} ${count} ${heard.join()}`);
  }
  const page = document.createElement('div');
  const root = createRoot(page);
  await React.act(async () => root.render(React.createElement(Room)));
  await React.act(() => pass());
  await React.act(async () => {
    await hub.channel('chat:42').publish('message', 'one');
    await pass();
  });
  expect(page.textContent).toBe('open 1 one');
  await React.act(async () => {
    leader.die();
    await hub.channel('chat:42').publish('message', 'two');
    await pass(60_000);
  });
  expect(page.textContent).toBe('open 1 one,two');
  await React.act(async () => {
    root.unmount();
    await pass();
  });
  expect(hub.snapshot().channels.subscriptions).toBe(0);
});
