// What `require('ws')` gives: the class, with all else as its members.
'use strict';

module.exports = require('fullduplex/ws');
