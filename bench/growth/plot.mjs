// The plot of a measured curve, with the exponents in its legend.
import { curvePlot } from '../report/curve-plot.mjs';
import { formatExponent } from './assessment.mjs';

/**
 * @param {import('./run.mjs').MeasuredCurve} measured
 * @returns {string} an SVG document
 */
export function plotOf({ curve, series }) {
  const plotted = series.map((one) => ({ ...one, note: formatExponent(one) }));
  return curvePlot({ ...curve, series: plotted });
}
