// Ratios against ws as a picture: one row per goal, with what ours reached, the spread of its rounds, the goal, and
// where the peers stand. The axis is logarithmic, so that twice as cheap and twice as dear lie equally far from ws.
import { document, element, escapeText, logScale, text } from './svg.mjs';

const WIDTH = 880;
const LABELS = 288;
const VALUES = 120;
const ROW = 26;
const TOP = 78;
const BOTTOM = 40;
const RADIUS = 5;

/**
 * @typedef {object} RatioRow
 * @property {string} label
 * @property {import('./summary.mjs').Spread} [measured]
 * @property {number} goal
 * @property {boolean} isReached
 * @property {readonly { name: string, ratio: number }[]} peers
 */

/** One shape for each peer, around the origin. */
const SHAPES = [
  'M-4,0L0,-4L4,0L0,4Z',
  'M-3.5,3L3.5,3L0,-4Z',
  'M-3,-3H3V3H-3Z',
  'M-3.5,-3.5L3.5,3.5M-3.5,3.5L3.5,-3.5',
  'M-4,0H4M0,-4V4',
];

/**
 * @param {{ title: string, rows: readonly RatioRow[] }} plot
 * @returns {string} an SVG document
 */
export function ratioPlot({ title, rows }) {
  const peers = [...new Set(rows.flatMap((row) => row.peers.map(({ name }) => name)))];
  const values = rows.flatMap(({ measured, goal, peers: own }) => [
    goal,
    ...own.map(({ ratio }) => ratio),
    ...(measured ? [measured.min, measured.max] : []),
  ]);
  if (values.length === 0) throw new RangeError('a plot of ratios needs a row');
  const right = WIDTH - VALUES;
  const scale = logScale([Math.min(0.5, ...values) * 0.9, Math.max(2, ...values) * 1.1], [LABELS, right], 26);
  const height = TOP + rows.length * ROW + BOTTOM;
  const bottom = height - BOTTOM;
  const shapeOf = (/** @type {string} */ name) => SHAPES[peers.indexOf(name) % SHAPES.length];
  const description = rows
    .map(
      ({ label, measured, goal }) =>
        `${label}: ${measured ? measured.median.toFixed(2) : 'none'}, goal ${goal}`,
    )
    .join('; ');
  return document({ width: WIDTH, height, title, description }, [
    text(16, 26, title, { class: 'title' }),
    legend(peers, shapeOf),
    ...scale.ticks.flatMap((value) => [
      element('line', {
        x1: scale.at(value),
        x2: scale.at(value),
        y1: TOP - 8,
        y2: bottom,
        class: value === 1 ? 'axis' : 'grid',
      }),
      text(scale.at(value), bottom + 16, `${value}`, { class: 'small middle faint' }),
    ]),
    text((LABELS + right) / 2, height - 8, 'times cheaper than ws, in CPU for each message', {
      class: 'small middle faint',
    }),
    ...rows.map((row, index) => drawRow(row, TOP + (index + 0.5) * ROW, scale, shapeOf)),
  ]);
}

/**
 * @param {RatioRow} row
 * @param {number} y
 * @param {import('./svg.mjs').LogScale} scale
 * @param {(name: string) => string} shapeOf
 */
function drawRow({ label, measured, goal, isReached, peers }, y, scale, shapeOf) {
  const value = measured ? measured.median.toFixed(2) : 'none';
  return element('g', {}, [
    text(LABELS - 14, y + 4, label, { class: 'end' }),
    ...peers.map(({ name, ratio }) =>
      element(
        'path',
        {
          d: shapeOf(name),
          transform: `translate(${scale.at(ratio).toFixed(1)} ${y.toFixed(1)})`,
          class: 'peer',
        },
        [element('title', {}, [escapeText(`${name}: ${ratio.toFixed(2)}`)])],
      ),
    ),
    element('line', { x1: scale.at(goal), x2: scale.at(goal), y1: y - 9, y2: y + 9, class: 'second line' }),
    ...(measured
      ? [
          element('line', {
            x1: scale.at(measured.min),
            x2: scale.at(measured.max),
            y1: y,
            y2: y,
            class: 'first line',
          }),
          element('circle', {
            cx: scale.at(measured.median),
            cy: y,
            r: RADIUS,
            class: isReached ? 'first' : 'first hollow',
          }),
        ]
      : []),
    text(WIDTH - VALUES + 16, y + 4, `${value} / ${goal}`, { class: isReached ? '' : 'second' }),
  ]);
}

/**
 * @param {readonly string[]} peers
 * @param {(name: string) => string} shapeOf
 */
function legend(peers, shapeOf) {
  const y = 50;
  const marks = [
    {
      words: 'fullduplex, goal reached',
      mark: (/** @type {number} */ x) => element('circle', { cx: x, cy: y, r: RADIUS, class: 'first' }),
    },
    {
      words: 'not yet',
      mark: (/** @type {number} */ x) =>
        element('circle', { cx: x, cy: y, r: RADIUS, class: 'first hollow' }),
    },
    {
      words: 'goal',
      mark: (/** @type {number} */ x) =>
        element('line', { x1: x, x2: x, y1: y - 9, y2: y + 9, class: 'second line' }),
    },
    ...peers.map((name) => ({
      words: name,
      mark: (/** @type {number} */ x) =>
        element('path', { d: shapeOf(name), transform: `translate(${x} ${y})`, class: 'peer' }),
    })),
  ];
  let x = 22;
  return element(
    'g',
    {},
    marks.flatMap(({ words, mark }) => {
      const drawn = [mark(x), text(x + 10, y + 4, words, { class: 'small' })];
      // About the width of the words in the font of the plots.
      x += 30 + words.length * 6.1;
      return drawn;
    }),
  );
}
