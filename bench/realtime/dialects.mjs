// What the generator says to each server, as texts: how a connection is opened, what a publication and a call look like, and how a
// heartbeat is answered. Both carry the same data; each arrives with one mark, by which the generator counts.

/** Stands once in each publication, and once in each reply. */
export const MARK = '~#~';
/** The data of each publication and the input of each call: a chat message of some length. */
export const DATA = JSON.stringify({ text: `${MARK} the quick brown fox jumps over the lazy dog` });

/**
 * @typedef {object} Dialect
 * @property {string} path
 * @property {string} protocol the subprotocol that is offered
 * @property {string} hello
 * @property {string} ready
 * @property {string} ping
 * @property {string} pong
 * @property {string} publish
 * @property {string} call
 * @property {number} publishedBytes what one publication is on the wire beyond its data, without the WebSocket header
 */

/** @type {Dialect} */
const fullduplex = {
  path: '/realtime',
  protocol: 'fullduplex.v1.json',
  hello: '[1,{"v":1,"subs":[[1,"chat:42"]]}]',
  ready: '"subs":[[1,{',
  ping: '[]',
  pong: '[]',
  publish: `[4,"k3v0x2-%u","chat:42","message",${DATA}]`,
  call: `[4,"k3v0x2-%u",0,"echo",${DATA}]`,
  publishedBytes: '[2,1,1,0,,"Yb3q"]'.length,
};

/** Engine.IO 4 over WebSocket alone, as its clients speak it with `transports: ['websocket']`. @type {Dialect} */
const socketIo = {
  path: '/socket.io/?EIO=4&transport=websocket',
  protocol: '',
  hello: '40',
  ready: '40{"sid"',
  ping: '2',
  pong: '3',
  publish: `42["message",${DATA}]`,
  call: `42%u["echo",${DATA}]`,
  publishedBytes: '42["message",]'.length,
};

export const dialects = { fullduplex, socketIo };
