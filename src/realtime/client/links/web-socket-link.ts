// Frames as the text messages of a WebSocket: the link that the others stand in for.

import type { OpenClientLink } from '../../link/link.ts';
import { jsonSubprotocol } from '../../wire/frames.ts';
import { writeJsonTersely as writeJson } from '../../wire/json-codec.ts';

/** What a link needs of a WebSocket of the WHATWG's standard. */
export interface WebSocketLike {
  readonly readyState: number;
  onopen: ((event: never) => void) | null;
  onmessage: ((event: never) => void) | null;
  onclose: ((event: never) => void) | null;
  send(data: string): void;
  close(code?: number, reason?: string): void;
}

/** A class of WebSockets. */
export type WebSocketConstructor = new (url: string, protocols: string) => WebSocketLike;

/** Opens links over WebSockets. */
export function webSocketLinks(url: string, Socket: WebSocketConstructor): OpenClientLink {
  return (hello, events) => {
    const socket = new Socket(url, jsonSubprotocol);
    socket.onopen = () => socket.send(writeJson([1, hello()]));
    socket.onmessage = ({ data }: MessageEvent<unknown>) => {
      if (typeof data === 'string') events.received(data);
    };
    // Of an error there is nothing to know but the close event that follows it.
    socket.onclose = ({ code, reason }: CloseEvent) =>
      events.ended(new Error(`WebSocket closed: ${code} ${reason}`));
    return {
      isTwoWay: true,
      send: (text) => {
        // OPEN
        if (socket.readyState === 1) socket.send(text);
      },
      close: () => {
        // A peer that is gone does not answer a close frame: nobody waits for it.
        socket.onmessage = socket.onclose = null;
        socket.close(1000);
      },
    };
  };
}
