// What the page does: it follows the channel, and notes what comes and how the connection stands.

import { createClient } from './client.browser.js';

globalThis.follow = (options) => {
  const client = createClient('/realtime', { minDelayMs: 10, ...options });
  const channel = client.channel('news');
  const notes = {
    items: [],
    gaps: [],
    states: [],
    status: () => channel.status,
    transport: () => client.transport,
    add: (first, second) => client.call('add', [first, second]),
  };
  client.on('state', (state) => notes.states.push(state === 'open' ? `open ${client.transport}` : state));
  channel.on('item', (item) => notes.items.push(item));
  channel.on('gap', (gap) => notes.gaps.push(gap));
  globalThis.news = notes;
};
