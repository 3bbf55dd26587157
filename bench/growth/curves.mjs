// The curves as data: what grows, at which points it is measured, and how the cost of one unit may grow with it when the
// whole is to be linear. How each is measured stands in measure.mjs.

/**
 * @typedef {object} Series
 * @property {string} name
 * @property {number} linearExponent the exponent that means linear growth: 0 for the cost of one of many, 1 for the cost
 *   of something that has the size itself
 */

/**
 * @typedef {object} Curve
 * @property {string} name what --curves looks for, and the name of the plot's file
 * @property {string} title
 * @property {string} how where the figures come from, for the report
 * @property {string} x
 * @property {string} y
 * @property {readonly number[]} points
 * @property {readonly Series[]} series
 */

const CONNECTIONS = [100, 300, 1000, 3000, 10_000, 15_000];
const MIB = 1024 * 1024;

/** @param {readonly string[]} names */
const constant = (...names) => names.map((name) => ({ name, linearExponent: 0 }));

/** @type {readonly Curve[]} */
export const curves = [
  {
    name: 'echo-by-connections',
    title: 'Echo of 20 B, one in flight on each connection',
    how: 'real sockets; every connection has one message in flight',
    x: 'connections',
    y: 'server CPU, us per message',
    points: CONNECTIONS,
    series: constant('fullduplex', 'ws'),
  },
  {
    name: 'memory-by-connections',
    title: 'Memory of idle connections after one message',
    how: 'real sockets, after garbage collection; the process without connections is not counted',
    x: 'connections',
    y: 'KiB per connection',
    points: CONNECTIONS,
    series: constant('fullduplex heap', 'fullduplex resident', 'ws heap', 'ws resident'),
  },
  {
    name: 'echo-by-message-bytes',
    title: 'Echo by size of the message',
    how: 'real sockets; 8 connections with one binary message in flight each',
    x: 'bytes of the message',
    y: 'server CPU, us per message',
    points: [1, 16, 256, 4096, 65_536, MIB, 4 * MIB, 16 * MIB],
    series: ['fullduplex', 'ws'].map((name) => ({ name, linearExponent: 1 })),
  },
  {
    name: 'topics',
    title: 'Topics of one connection',
    how: 'one connection over a real socket subscribes to all topics; each message has one receiver',
    x: 'topics',
    y: 'server CPU, us per call',
    points: [1, 10, 100, 1000, 10_000, 100_000],
    series: constant('subscribe', 'publish', 'unsubscribe'),
  },
  {
    name: 'memory-by-topics',
    title: 'Memory of subscriptions',
    how: 'heap after garbage collection; the names of the topics existed before',
    x: 'topics',
    y: 'bytes per subscription',
    points: [1000, 3000, 10_000, 30_000, 100_000],
    series: constant('heap'),
  },
  {
    name: 'fan-out-by-subscribers',
    title: 'Fan-out of 100 B',
    how: 'real sockets, up to what 20,000 open files allow; one message, or 16, outstanding',
    x: 'subscribers',
    y: 'server CPU, us per delivery',
    points: [1, 10, 100, 1000, 5000, 10_000, 19_000],
    series: constant('one', 'sixteen', 'ws, one'),
  },
];
