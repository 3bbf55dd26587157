// How a cost grows: the exponent of the power law that fits best, and the places where the curve leaves it.

/** @typedef {{ x: number, y: number }} Point both above 0 */

/**
 * @typedef {object} Fit of y = factor * x ^ exponent
 * @property {number} exponent
 * @property {number} factor
 * @property {number} worstFactor how far the worst point lies off, as a factor of at least 1
 */

/**
 * Least squares over the logarithms.
 * @param {readonly Point[]} points
 * @returns {Fit}
 * @throws RangeError for fewer than two points, for equal x, and for values that have no logarithm
 */
export function fitPowerLaw(points) {
  if (points.length < 2 || points.every(({ x }) => x === points[0].x)) {
    throw new RangeError('a power law needs at least two points with different x');
  }
  const wrong = points.find(({ x, y }) => !(x > 0 && y > 0));
  if (wrong) throw new RangeError(`a power law needs values above 0, not x ${wrong.x}, y ${wrong.y}`);
  const logs = points.map(({ x, y }) => ({ x: Math.log(x), y: Math.log(y) }));
  const mean = { x: average(logs.map(({ x }) => x)), y: average(logs.map(({ y }) => y)) };
  const covariance = sum(logs.map(({ x, y }) => (x - mean.x) * (y - mean.y)));
  const variance = sum(logs.map(({ x }) => (x - mean.x) ** 2));
  const exponent = covariance / variance;
  const intercept = mean.y - exponent * mean.x;
  const worst = Math.max(...logs.map(({ x, y }) => Math.abs(y - intercept - exponent * x)));
  return { exponent, factor: Math.exp(intercept), worstFactor: Math.exp(worst) };
}

/**
 * The points that lie off the straight line between their neighbours, on logarithmic axes, by more than a factor.
 * Comparing values and not slopes, noise weighs the same whether the neighbours are near or far.
 * @param {readonly Point[]} points by rising x
 * @param {number} leastFactor above 1
 * @returns {{ x: number, factor: number }[]} the factor is below 1 where the curve sags: it gets steeper there
 */
export function bendsOf(points, leastFactor) {
  return points.slice(1, -1).flatMap((point, index) => {
    const { exponent, factor } = fitPowerLaw([points[index], points[index + 2]]);
    const off = point.y / (factor * point.x ** exponent);
    return Math.max(off, 1 / off) > leastFactor ? [{ x: point.x, factor: off }] : [];
  });
}

/** @param {readonly number[]} values */
const sum = (values) => values.reduce((total, value) => total + value, 0);
/** @param {readonly number[]} values */
const average = (values) => sum(values) / values.length;
