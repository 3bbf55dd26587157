// The start page: two connections of this page, and what the server saw of them.

import type { ChatEvent, ChatRequest, FeedEvents, TickerEvent } from '../messages.ts';
import { Opcode } from '../../protocol.ts';
import { ChatPanel } from './chat-panel.ts';
import { ConnectionStatus } from './connection-status.ts';
import { byId } from './element.ts';
import { listenToFeed } from './feed.ts';
import { FrameInspector } from './frame-inspector.ts';
import { FrameList } from './frame-list.ts';
import { type FrameRecord, hex, recordOf } from './frame-record.ts';
import { HandshakePanel } from './handshake-panel.ts';
import { LiveSocket } from './live-socket.ts';
import { TickerPanel } from './ticker-panel.ts';

// The page draws its own number: whoever knows it may read this page's feed.
const page = [...crypto.getRandomValues(new Uint8Array(16))].map(hex).join('');
const origin = location.origin.replace(/^http/, 'ws');

const said = byId('said', HTMLParagraphElement);
const status = new ConnectionStatus(() => {
  chat.connect();
  ticker.connect();
});

// The two connections

const chat = new LiveSocket(`${origin}/chat?page=${page}`, ['chat.fullduplex.v1'], {
  opened: () => {
    status.connected();
    chatPanel.opened();
  },
  message: (data) => {
    if (typeof data !== 'string') {
      said.textContent = `One binary message of ${data.byteLength.toLocaleString('en')} bytes arrived.`;
      return;
    }
    // Our own server wrote it.
    const event: ChatEvent = JSON.parse(data);
    if (event.type === 'notice') said.textContent = event.text;
    else chatPanel.receive(event);
  },
  lost: (waitMs) => {
    status.lost(waitMs);
    chatPanel.lost();
  },
});
const chatPanel = new ChatPanel((request) => chat.send(JSON.stringify(request)));

const tickerPanel = new TickerPanel();
const ticker = new LiveSocket(`${origin}/ticker?page=${page}`, [], {
  message: (data) => {
    if (typeof data !== 'string') return;
    const event: TickerEvent = JSON.parse(data);
    tickerPanel.receive(event);
  },
});

// What the server saw of them

const inspector = new FrameInspector();
const frames = new FrameList({
  chosen: (record) => inspector.show(record),
  entered: () => inspector.focus(),
});
inspector.onLeave(() => frames.focus());
const handshakes = new HandshakePanel();
const counts = { up: 0, down: 0 };
let frameCount = 0;
const pingsSentAtMs = new Map<string, number>();

listenToFeed(page, {
  opened: (event) => {
    frames.note(`/${event.socket} opened`);
    handshakes.receive(event);
  },
  frame: (event) => {
    const record = recordOf(event, ++frameCount);
    if (record === undefined) return;
    frames.add(record);
    count(record);
    measure(event, record);
    // Somebody who sees this for the first time has something to look at.
    if (!frames.hasChosen && record.way === 'up') frames.suggest(record);
  },
  closed: ({ socket, code, reason, clean }) => {
    const how = clean ? `with ${code}` : `without a closing handshake (${code})`;
    frames.note(`/${socket} closed ${how}${reason === '' ? '' : `: ${reason}`}`);
  },
});

function count({ way }: FrameRecord): void {
  counts[way]++;
  byId(`count-${way}`, HTMLElement).textContent = counts[way].toLocaleString('en');
}

// From a ping to its pong, by the server's clock.
function measure({ socket, connection, atMs }: FeedEvents['frame'], { header, payload }: FrameRecord): void {
  const name = `${socket} ${connection} ${payload.join(' ')}`;
  if (header.opcode === Opcode.ping) pingsSentAtMs.set(name, atMs);
  if (header.opcode !== Opcode.pong) return;
  const sentAtMs = pingsSentAtMs.get(name);
  pingsSentAtMs.delete(name);
  if (sentAtMs === undefined) return;
  byId('round-trip', HTMLSpanElement).textContent = `⇄ ${(atMs - sentAtMs).toFixed(1)} ms`;
}

// Making frames

for (const button of document.querySelectorAll<HTMLButtonElement>('button[data-try]')) {
  button.addEventListener('click', () => {
    const experiment = button.dataset['try'];
    if (!isExperiment(experiment)) return;
    const code = Number(byId('close-code', HTMLSelectElement).value);
    const request: ChatRequest = { type: 'try', experiment, ...(experiment === 'close' ? { code } : {}) };
    said.textContent = '';
    chat.send(JSON.stringify(request));
  });
}
byId('send-binary', HTMLButtonElement).addEventListener('click', () => {
  chat.send(Uint8Array.from({ length: 256 }, (_, index) => index));
});
byId('close-here', HTMLButtonElement).addEventListener('click', () => {
  chat.close(4001, 'the person wanted to');
});

function isExperiment(text: string | undefined): text is Extract<ChatRequest, { type: 'try' }>['experiment'] {
  return ['ping', 'fragments', 'binary', 'large-binary', 'close'].includes(text ?? '');
}

byId('terminal', HTMLElement).textContent = `npx fullduplex connect ${origin}/ticker`;
chat.connect();
ticker.connect();
