// A line of prices, drawn by hand as SVG.

import { svgElement } from './element.ts';

const width = 120;
const height = 32;
const margin = 2;

/** A small chart of the last prices. */
export class Sparkline {
  readonly element: SVGSVGElement;
  readonly #line: SVGPolylineElement;
  readonly #area: SVGPolygonElement;
  readonly #pointsKept: number;

  constructor(pointsKept: number) {
    this.#pointsKept = pointsKept;
    this.element = svgElement('svg', {
      viewBox: `0 0 ${width} ${height}`,
      preserveAspectRatio: 'none',
      class: 'sparkline',
      'aria-hidden': 'true',
    });
    this.#area = svgElement('polygon', { class: 'sparkline-area' });
    this.#line = svgElement('polyline', { class: 'sparkline-line', 'vector-effect': 'non-scaling-stroke' });
    this.element.append(this.#area, this.#line);
  }

  /** Draws these prices, oldest first. */
  draw(prices: readonly number[]): void {
    const least = Math.min(...prices);
    const span = Math.max(...prices) - least || 1;
    const step = width / (this.#pointsKept - 1);
    const start = width - (prices.length - 1) * step;
    const points = prices.map((price, index) => {
      const x = (start + index * step).toFixed(1);
      const y = (height - margin - ((price - least) / span) * (height - 2 * margin)).toFixed(1);
      return `${x},${y}`;
    });
    this.#line.setAttribute('points', points.join(' '));
    this.#area.setAttribute('points', `${start.toFixed(1)},${height} ${points.join(' ')} ${width},${height}`);
  }
}
