// What a measured curve says: its exponent, its exponent at the upper end, whether that is linear or better, and where it
// bends.
import { bendsOf, fitPowerLaw } from './fit.mjs';

/** The upper end: the points from a tenth of the largest x on, but three at least. */
const TAIL_SHARE = 0.1;
const TAIL_POINTS = 3;
/** Caches and page tables take this much from everybody, and a fit over three noisy points needs some room. */
const EXPONENT_TOLERANCE = 0.15;
/** A point this far off the line between its neighbours is a bend that wants an explanation. */
const BEND_FACTOR = 1.35;

/**
 * @typedef {object} SeriesAssessment
 * @property {string} name
 * @property {import('./fit.mjs').Point[]} points those that a logarithm can be taken of
 * @property {number} linearExponent
 * @property {number} [exponent] over all points
 * @property {number} [tailExponent] at the upper end
 * @property {boolean} [isLinearOrBetter] judged by the upper end
 * @property {{ x: number, factor: number }[]} bends
 */

/**
 * @param {import('./curves.mjs').Curve} curve
 * @param {readonly { x: number, median: Record<string, number> }[]} measured
 * @returns {SeriesAssessment[]}
 */
export function assessCurve(curve, measured) {
  return curve.series.map(({ name, linearExponent }) => {
    // Memory that is too little to be seen comes out as zero or below.
    const points = measured.map(({ x, median }) => ({ x, y: median[name] })).filter(({ y }) => y > 0);
    if (points.length < 2) return { name, points, linearExponent, bends: [] };
    const most = points[points.length - 1].x;
    const first = points.findIndex(({ x }) => x >= most * TAIL_SHARE);
    const tail = points.slice(Math.max(0, Math.min(first, points.length - TAIL_POINTS)));
    const tailExponent = fitPowerLaw(tail).exponent;
    return {
      name,
      points,
      linearExponent,
      exponent: fitPowerLaw(points).exponent,
      tailExponent,
      isLinearOrBetter: tailExponent <= linearExponent + EXPONENT_TOLERANCE,
      bends: bendsOf(points, BEND_FACTOR),
    };
  });
}

/** @param {SeriesAssessment} series */
export function formatExponent({ exponent, tailExponent, linearExponent }) {
  if (exponent === undefined || tailExponent === undefined) return 'too few points';
  return `exponent ${signed(exponent)}, at the upper end ${signed(tailExponent)} (linear: ${linearExponent})`;
}

/** @param {number} value */
export const signed = (value) => `${value < 0 ? '-' : '+'}${Math.abs(value).toFixed(2)}`;
