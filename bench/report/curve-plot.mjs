// Growth as a picture: one curve per series on logarithmic axes, where a power law is a straight line, beside the slope
// that linear growth would have.
import { document, element, escapeText, logScale, SERIES, text } from './svg.mjs';

const WIDTH = 720;
const HEIGHT = 400;
const FRAME = { left: 64, right: 24, top: 64, bottom: 52 };
const DOT_RADIUS = 3.5;
const LEGEND_LINE = 18;

/**
 * @typedef {object} PlottedSeries
 * @property {string} name
 * @property {readonly import('../growth/fit.mjs').Point[]} points
 * @property {string} note for the legend
 */

/**
 * @param {{ title: string, x: string, y: string, series: readonly PlottedSeries[] }} plot
 * @returns {string} an SVG document
 */
export function curvePlot({ title, x, y, series }) {
  const points = series.flatMap((one) => one.points);
  if (points.length === 0) throw new RangeError(`nothing to plot for ${title}`);
  const legendHeight = series.length * LEGEND_LINE;
  const top = FRAME.top + legendHeight;
  const height = HEIGHT + legendHeight;
  const xs = points.map((point) => point.x);
  const ys = points.map((point) => point.y);
  const horizontal = logScale(
    [Math.min(...xs), Math.max(...xs)],
    [FRAME.left + 12, WIDTH - FRAME.right - 12],
    44,
  );
  // A decade at least, so that noise on a flat curve does not fill the picture.
  const middle = Math.sqrt(Math.min(...ys) * Math.max(...ys));
  const reach = Math.max(Math.sqrt(10), Math.sqrt(Math.max(...ys) / Math.min(...ys)) * 1.15);
  const vertical = logScale([middle / reach, middle * reach], [height - FRAME.bottom, top], 20);
  const description = series.map(({ name, note }) => `${name}: ${note}`).join('; ');
  return document({ width: WIDTH, height, title: `${title}: ${y} by ${x}`, description }, [
    text(FRAME.left, 26, title, { class: 'title' }),
    text(FRAME.left, 44, y, { class: 'faint' }),
    ...series.map((one, index) => legend(one, index)),
    ...vertical.ticks.flatMap((value) => [
      element('line', {
        x1: FRAME.left,
        x2: WIDTH - FRAME.right,
        y1: vertical.at(value),
        y2: vertical.at(value),
        class: 'grid',
      }),
      text(FRAME.left - 8, vertical.at(value) + 4, formatTick(value), { class: 'small end faint' }),
    ]),
    ...horizontal.ticks.flatMap((value) => [
      element('line', {
        x1: horizontal.at(value),
        x2: horizontal.at(value),
        y1: height - FRAME.bottom,
        y2: height - FRAME.bottom + 5,
        class: 'axis',
      }),
      text(horizontal.at(value), height - FRAME.bottom + 20, formatTick(value), {
        class: 'small middle faint',
      }),
    ]),
    element('line', {
      x1: FRAME.left,
      x2: WIDTH - FRAME.right,
      y1: height - FRAME.bottom,
      y2: height - FRAME.bottom,
      class: 'axis',
    }),
    text((FRAME.left + WIDTH - FRAME.right) / 2, height - 12, x, { class: 'faint middle' }),
    ...series.map(({ name, points: own }, index) => {
      const at = own.map((point) => [horizontal.at(point.x), vertical.at(point.y)]);
      const path = at.map(([left, above]) => `${left.toFixed(1)},${above.toFixed(1)}`).join(' ');
      const className = SERIES[index % SERIES.length];
      return element('g', {}, [
        element('title', {}, [escapeText(name)]),
        element('polyline', { points: path, class: `${className} line` }),
        ...at.map(([cx, cy], point) =>
          element('circle', { cx, cy, r: DOT_RADIUS, class: className }, [
            element('title', {}, [
              escapeText(`${name}, ${formatTick(own[point].x)}: ${own[point].y.toPrecision(3)}`),
            ]),
          ]),
        ),
      ]);
    }),
  ]);
}

/**
 * @param {PlottedSeries} series
 * @param {number} index
 */
function legend({ name, note }, index) {
  const y = FRAME.top + index * LEGEND_LINE;
  const className = SERIES[index % SERIES.length];
  return element('g', {}, [
    element('line', {
      x1: FRAME.left,
      x2: FRAME.left + 22,
      y1: y - 4,
      y2: y - 4,
      class: `${className} line`,
    }),
    element('circle', { cx: FRAME.left + 11, cy: y - 4, r: DOT_RADIUS, class: className }),
    text(FRAME.left + 30, y, `${name}: ${note}`, { class: 'small' }),
  ]);
}

/** @param {number} value */
function formatTick(value) {
  const units = /** @type {const} */ ([
    [1e9, 'G'],
    [1e6, 'M'],
    [1e3, 'k'],
  ]);
  const [size, letter] = units.find(([least]) => value >= least) ?? [1, ''];
  return `${Number((value / size).toPrecision(3))}${letter}`;
}
