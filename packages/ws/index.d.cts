import WebSocket = require('fullduplex/ws');
export = WebSocket;
