// The report on growth as Markdown: for each curve its points, its exponents, and what is said about its bends.
import { environmentLines, formatCount } from '../report/cells.mjs';
import { formatTable } from '../report/markdown.mjs';
import { signed } from './assessment.mjs';

/** @param {import('./run.mjs').GrowthReport} report */
export function formatGrowth(report) {
  const { seconds, warmUpSeconds, rounds } = report.conditions;
  return [
    ...environmentLines(report),
    `- ${report.runtime}; ${rounds} interleaved rounds of ${seconds} s after ${warmUpSeconds} s of warm-up; medians`,
    ...report.curves.flatMap((measured) => ['', ...formatCurve(measured)]),
  ].join('\n');
}

/** @param {import('./run.mjs').MeasuredCurve} measured */
export function formatCurve({ curve, points, series, explanation, failure }) {
  const bends = series.flatMap(({ name, bends: own }) =>
    own.map(
      ({ x, factor }) =>
        `${name} at ${formatCount(x)} (${factor > 1 ? 'above' : 'below'} its neighbours by ${factor.toFixed(2)})`,
    ),
  );
  return [
    `### ${curve.title}`,
    '',
    `${capitalized(curve.how)}. ${capitalized(curve.y)}:`,
    '',
    ...formatTable(
      [curve.x, ...curve.series.map(({ name }) => name)],
      points.map(({ x, median }) => [
        formatCount(x),
        ...curve.series.map(({ name }) => formatValue(median[name])),
      ]),
      0,
    ),
    '',
    ...formatTable(
      ['series', 'exponent', 'at the upper end', 'linear would be', 'linear or better'],
      series.map(({ name, exponent, tailExponent, linearExponent, isLinearOrBetter }) => [
        name,
        exponent === undefined ? '-' : signed(exponent),
        tailExponent === undefined ? '-' : signed(tailExponent),
        String(linearExponent),
        isLinearOrBetter === undefined ? '-' : isLinearOrBetter ? 'yes' : 'no',
      ]),
      1,
    ),
    '',
    bends.length === 0 ? 'No bends.' : `Bends: ${bends.join('; ')}.`,
    ...(explanation ? [explanation] : bends.length > 0 ? ['Not explained yet.'] : []),
    ...(failure ? [`Ends early: ${failure}.`] : []),
  ];
}

/** @param {number} value */
function formatValue(value) {
  if (Math.abs(value) >= 1000) return formatCount(value);
  return value.toFixed(Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2);
}

/** @param {string} words */
const capitalized = (words) => words[0].toUpperCase() + words.slice(1);
