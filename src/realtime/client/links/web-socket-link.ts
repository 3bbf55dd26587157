// Frames as the text messages of a WebSocket: the link that the others stand in for.

import type { LinkEnd, OpenClientLink } from '../../link/link.ts';
import { jsonSubprotocol } from '../../wire/frames.ts';
import { writeJson } from '../frame-text.ts';

/** What a link needs of a WebSocket of the WHATWG's standard. */
export interface WebSocketLike {
  readonly bufferedAmount: number;
  onopen: ((event: never) => void) | null;
  onmessage: ((event: never) => void) | null;
  onclose: ((event: never) => void) | null;
  onerror: ((event: never) => void) | null;
  send(data: string): void;
  close(code?: number, reason?: string): void;
}

/** A class of WebSockets. */
export type WebSocketConstructor = new (url: string, protocols: string) => WebSocketLike;

/** Opens links over WebSockets. */
export function webSocketLinks(url: string, Socket: WebSocketConstructor): OpenClientLink {
  return (hello, events) => {
    const socket = new Socket(url, jsonSubprotocol);
    let isOpen = false;
    let isOver = false;
    const over = (end: LinkEnd): void => {
      if (isOver) return;
      isOver = true;
      events.ended(end);
    };
    socket.onopen = () => {
      isOpen = true;
      socket.send(writeJson([1, hello()]));
    };
    socket.onmessage = ({ data }: MessageEvent<unknown>) => {
      if (!isOver && typeof data === 'string') events.received(data);
    };
    // What went wrong is in the close event that follows.
    socket.onerror = () => undefined;
    socket.onclose = ({ code, reason }: CloseEvent) => {
      over({
        cause: new Error(`the WebSocket was closed with ${code}${reason === '' ? '' : ` (${reason})`}`),
      });
    };
    return {
      kind: 'websocket',
      isTwoWay: true,
      get bufferedBytes() {
        return socket.bufferedAmount;
      },
      send: (text) => {
        if (isOpen && !isOver) socket.send(text);
      },
      close: () => {
        // A peer that is gone does not answer a close frame: nobody waits for it.
        queueMicrotask(() => over({}));
        socket.close(1000);
      },
    };
  };
}
