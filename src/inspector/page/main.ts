// The inspector's page: figures, connections, channels, sessions, and the frames of the connection that somebody chooses.

import { byId } from '../../app/page/element.ts';
import type { InspectedChannel, InspectedSession } from '../../realtime/server/hub-inspection.ts';
import type { ServerConnectionSnapshot } from '../../server/server-connection.ts';
import type { InspectorMessage, InspectorState } from '../messages.ts';
import { type HubRates, showFigures } from './figures.ts';
import { FramesPanel } from './frames-panel.ts';
import { LiveSocket } from './live-socket.ts';
import { LiveTable } from './live-table.ts';
import { bytes, count, perSecond, span } from './numbers.ts';

const content = byId('content', HTMLElement);
const lock = byId('lock', HTMLFormElement);
const key = byId('key', HTMLInputElement);
const lockNote = byId('lock-note', HTMLParagraphElement);
const pause = byId('pause', HTMLButtonElement);

let before: InspectorState | undefined;
let isPaused = false;

const frames = new FramesPanel(() => socket.watch(null));

const connections = new LiveTable<ServerConnectionSnapshot>(byId('connections', HTMLTableElement), {
  columns: [
    { title: 'No.', isNumber: true, text: ({ id }) => String(id) },
    { title: 'Path', text: ({ url }) => new URL(url).pathname },
    { title: 'Address', text: ({ remoteAddress }) => remoteAddress ?? 'unix socket' },
    { title: 'Protocol', text: ({ protocol }) => protocol || '–' },
    { title: 'Open for', isNumber: true, text: ({ ageMs }) => span(ageMs) },
    { title: 'In', isNumber: true, text: ({ rates }) => perSecond(rates.messagesPerSecond.in) },
    { title: 'Out', isNumber: true, text: ({ rates }) => perSecond(rates.messagesPerSecond.out) },
    { title: 'Bytes in', isNumber: true, text: ({ payloadBytes }) => bytes(payloadBytes.in) },
    { title: 'Bytes out', isNumber: true, text: ({ payloadBytes }) => bytes(payloadBytes.out) },
    { title: 'Queued', isNumber: true, text: ({ queuedBytes }) => bytes(queuedBytes) },
    {
      title: 'Latency',
      isNumber: true,
      text: ({ latencyMs }) => (latencyMs === null ? '–' : span(latencyMs)),
    },
    { title: 'State', text: ({ readyState, pausedBy }) => [readyState, ...pausedBy].join(', ') },
  ],
  empty: 'Nobody is connected.',
  key: ({ id }) => String(id),
  mark: ({ id, pausedBy }) => (id === frames.connection ? 'is-chosen' : pausedBy.length > 0 ? 'is-bad' : ''),
  action: {
    title: 'Frames',
    name: ({ id }) => `Watch the frames of connection ${id}`,
    run: ({ id, url, remoteAddress }) => {
      frames.watch(id, `${new URL(url).pathname} from ${remoteAddress ?? 'a unix socket'}`);
      socket.watch(id);
      if (before !== undefined) show(before);
    },
  },
});

const channels = new LiveTable<InspectedChannel>(byId('channels', HTMLTableElement), {
  columns: [
    { title: 'Channel', text: ({ name }) => name },
    { title: 'Keeps', text: ({ kind }) => kind },
    { title: 'Subscribers', isNumber: true, text: ({ subscribers }) => count(subscribers) },
    { title: 'Behind', isNumber: true, text: ({ behind }) => count(behind) },
    { title: 'Publications', isNumber: true, text: ({ told }) => count(told) },
    { title: 'Rate', isNumber: true, text: (channel) => rateOf(channel) },
    { title: 'Offset', isNumber: true, text: ({ offset }) => (offset === 0 ? '–' : count(offset)) },
  ],
  empty: 'Nobody follows a channel.',
  key: ({ name }) => name,
  mark: ({ behind }) => (behind > 0 ? 'is-bad' : ''),
});

const sessions = new LiveTable<InspectedSession>(byId('sessions', HTMLTableElement), {
  columns: [
    { title: 'Session', text: ({ id }) => id },
    { title: 'User', text: ({ user }) => user ?? '–' },
    { title: 'Link', text: ({ link }) => link },
    { title: 'Subscriptions', isNumber: true, text: ({ subscriptions }) => count(subscriptions) },
    { title: 'Waiting', isNumber: true, text: ({ bufferedBytes }) => bytes(bufferedBytes) },
    { title: 'Behind', isNumber: true, text: ({ behind }) => count(behind) },
    { title: 'Requests', isNumber: true, text: ({ pendingRequests }) => count(pendingRequests) },
  ],
  empty: 'No client has a session.',
  key: ({ id }) => id,
  mark: ({ behind }) => (behind > 0 ? 'is-bad' : ''),
});

// How much each channel was told at the look before.
let toldBefore = new Map<string, number>();
let secondsSince = 0;

const socket = new LiveSocket({
  received,
  lost: () => {
    const state = before === undefined ? '' : ` What is shown is from ${timeOf(before.atMs)}.`;
    showStatus('lost', `No answer, trying again…${state}`);
  },
  refused: () => {
    lockNote.textContent = 'That is not the key.';
    key.select();
    showLock();
  },
});

lock.addEventListener('submit', (event) => {
  event.preventDefault();
  lockNote.textContent = '';
  socket.unlock(key.value);
});

pause.addEventListener('click', () => {
  isPaused = !isPaused;
  pause.setAttribute('aria-pressed', String(isPaused));
  pause.textContent = isPaused ? 'Go on' : 'Pause';
});

function received(message: InspectorMessage): void {
  switch (message.kind) {
    case 'locked':
      showLock();
      key.focus();
      break;
    case 'state':
      lock.hidden = true;
      content.hidden = false;
      pause.hidden = false;
      showStatus('connected', 'Live');
      if (!isPaused) show(message.state);
      break;
    case 'frames':
      if (isPaused) frames.pass(message.connection, message.frames.length + message.dropped);
      else frames.add(message.connection, message.frames, message.dropped);
      break;
    case 'gone':
      frames.gone(message.connection);
      break;
  }
}

function showLock(): void {
  lock.hidden = false;
  content.hidden = true;
  pause.hidden = true;
  showStatus('locked', 'Locked');
}

function showStatus(state: 'connected' | 'locked' | 'lost', text: string): void {
  byId('connection', HTMLParagraphElement).dataset['state'] = state;
  // What stands there is of earlier.
  content.classList.toggle('is-stale', state === 'lost');
  const place = byId('connection-text', HTMLSpanElement);
  if (place.textContent !== text) place.textContent = text;
}

function timeOf(atMs: number): string {
  return new Date(atMs).toLocaleTimeString('en-GB');
}

function show(state: InspectorState): void {
  const { hub, server } = state;
  showFigures(state, hubRates(state));
  connections.show(state.connections);
  showCount('connections-count', state.connections.length, server.connections.open);
  byId('channels-section', HTMLElement).hidden = hub === null;
  byId('sessions-section', HTMLElement).hidden = hub === null;
  if (hub !== null) {
    secondsSince = before === undefined ? 0 : (state.atMs - before.atMs) / 1000;
    channels.show(hub.channels);
    sessions.show(hub.sessions);
    showCount('channels-count', hub.channels.length, hub.snapshot.channels.streams);
    showCount('sessions-count', hub.sessions.length, hub.snapshot.sessions.connected);
    if (state !== before) toldBefore = new Map(hub.channels.map(({ name, told }) => [name, told]));
  }
  before = state;
}

function showCount(id: string, shown: number, all: number): void {
  byId(id, HTMLSpanElement).textContent = shown < all ? `${count(shown)} of ${count(all)}` : count(shown);
}

function rateOf({ name, told }: InspectedChannel): string {
  const earlier = toldBefore.get(name);
  return earlier === undefined || secondsSince <= 0
    ? '…'
    : perSecond(Math.max(0, told - earlier) / secondsSince);
}

function hubRates({ hub, atMs }: InspectorState): HubRates | undefined {
  const earlier = before?.hub?.snapshot;
  const seconds = before === undefined ? 0 : (atMs - before.atMs) / 1000;
  if (hub === null || earlier === undefined || seconds <= 0) return undefined;
  const { publications, deliveries } = hub.snapshot;
  return {
    publications: Math.max(0, publications - earlier.publications) / seconds,
    deliveries: Math.max(0, deliveries - earlier.deliveries) / seconds,
  };
}
