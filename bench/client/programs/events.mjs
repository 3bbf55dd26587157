// Clients that look like a browser's WebSocket: one `onmessage`, binary messages as ArrayBuffers.

/**
 * @typedef {object} EventSocket the part of the WHATWG class that is needed here
 * @property {any} binaryType 'arraybuffer' everywhere; ws knows more than the standard's two
 * @property {((event: any) => void) | null} onopen
 * @property {((event: any) => void) | null} onerror
 * @property {((event: any) => void) | null} onmessage
 * @property {(data: any) => void} send
 */

/**
 * @param {new (url: string) => EventSocket} WebSocket
 * @returns {import('./load-client.mjs').Open}
 */
export function openByEvents(WebSocket) {
  return (url, receive) =>
    new Promise((resolve, reject) => {
      const socket = new WebSocket(url);
      socket.binaryType = 'arraybuffer';
      socket.onerror = () => reject(new Error(`${url}: no connection`));
      socket.onmessage = (event) => receive(event.data);
      socket.onopen = () => resolve((data) => socket.send(data));
    });
}
