// Pages have a WebSocket of their own, with another interface.
'use strict';

module.exports = function WebSocket() {
  throw new Error('ws does not work in browsers, which have a WebSocket of their own');
};
