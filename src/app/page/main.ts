// The start page: its client of the realtime layer, a plain WebSocket for experiments, and what the server saw of both.

import type { Experiment, FeedEvents, LabNotice, LabRequest } from '../messages.ts';
import type { Contract } from '../contract.ts';
import { createClient } from '../../client.browser.ts';
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
import { RecoveryNote } from './recovery-note.ts';
import { SwitchedNetwork } from './switched-network.ts';
import { TickerPanel } from './ticker-panel.ts';

// The page draws its own numbers: whoever knows the first may read this page's feed, whoever knows the second is this visitor.
const page = draw();
const visitorKey = 'fullduplex.visitor';
const visitor = sessionStorage.getItem(visitorKey) ?? draw();
sessionStorage.setItem(visitorKey, visitor);
const origin = location.origin.replace(/^http/, 'ws');

const said = byId('said', HTMLParagraphElement);

function draw(): string {
  return [...crypto.getRandomValues(new Uint8Array(16))].map(hex).join('');
}

// The chat and the ticker, over a network that can be cut

const network = new SwitchedNetwork();
const client = createClient<Contract>(`/realtime?page=${page}`, {
  token: visitor,
  WebSocket: network.WebSocket,
  fetch: network.fetch,
  // Somebody is watching.
  maxDelayMs: 8_000,
});
const status = new ConnectionStatus({
  retry: () => window.dispatchEvent(new Event('online')),
  cut: (isCut) => {
    if (isCut) network.cut();
    else network.mend();
  },
});
const recovery = new RecoveryNote((line) => chat.note(line));
const chat = new ChatPanel(client, {
  received: (atMs) => recovery.received('message', atMs),
  gap: () => recovery.gap(),
  refused: (why) => {
    said.textContent = why;
  },
});
void new TickerPanel(client, (atMs) => void recovery.received('price', atMs));
client.on('state', (state) => {
  if (state === 'open') {
    status.connected(client.transport);
    recovery.back();
  } else if (state === 'closed') {
    status.ended(`The server has ended it: ${client.closeError?.message ?? ''}`);
  } else if (state === 'waiting') {
    status.lost();
    recovery.lost();
  }
});
client.on('error', (error) => {
  said.textContent = error instanceof Error ? error.message : String(error);
});

// The lab: frames of every kind

// What somebody has asked for while the connection was away: they closed it themselves, to see that.
let unsent: string | Uint8Array<ArrayBuffer> | undefined;

const lab = new LiveSocket(`${origin}/lab?page=${page}`, [], {
  opened: () => {
    const waiting = unsent;
    unsent = undefined;
    if (waiting !== undefined) lab.send(waiting);
  },
  message: (data) => {
    if (typeof data !== 'string') {
      said.textContent = `One binary message of ${data.byteLength.toLocaleString('en')} bytes arrived.`;
      return;
    }
    // Our own server wrote it.
    const notice: LabNotice = JSON.parse(data);
    said.textContent = notice.text;
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
    const request: LabRequest = { experiment, ...(experiment === 'close' ? { code } : {}) };
    said.textContent = '';
    sendToLab(JSON.stringify(request));
  });
}
byId('send-binary', HTMLButtonElement).addEventListener('click', () => {
  sendToLab(Uint8Array.from({ length: 256 }, (_, index) => index));
});
byId('close-here', HTMLButtonElement).addEventListener('click', () => {
  lab.close(4001, 'the person wanted to');
});

function sendToLab(data: string | Uint8Array<ArrayBuffer>): void {
  if (lab.send(data)) return;
  unsent = data;
  lab.connect();
}

function isExperiment(text: string | undefined): text is Experiment {
  return ['ping', 'fragments', 'binary', 'large-binary', 'close'].includes(text ?? '');
}

byId('terminal', HTMLElement).textContent = `npx fullduplex connect ${origin}/lab`;
lab.connect();
