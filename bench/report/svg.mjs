// A small writer of SVG for the plots: elements with escaped text, a logarithmic scale with round ticks, and one frame
// with its colours, which is readable on light and on dark pages since it brings its own background for both.

/** @typedef {Record<string, string | number>} Attributes */

const ESCAPES = /** @type {Readonly<Record<string, string>>} */ ({
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
});

/** @param {string} content */
export const escapeText = (content) => content.replace(/[&<>"]/g, (character) => ESCAPES[character]);

/**
 * @param {string} name
 * @param {Attributes} attributes
 * @param {readonly string[]} [children] markup
 */
export function element(name, attributes, children = []) {
  const given = Object.entries(attributes).map(([key, value]) => ` ${key}="${escapeText(format(value))}"`);
  const start = `<${name}${given.join('')}`;
  return children.length === 0 ? `${start}/>` : `${start}>${children.join('')}</${name}>`;
}

/**
 * @param {number} x
 * @param {number} y
 * @param {string} content
 * @param {Attributes} [attributes]
 */
export function text(x, y, content, attributes = {}) {
  return element('text', { x, y, ...attributes }, [escapeText(content)]);
}

/** @param {string | number} value two decimals are enough for a coordinate */
const format = (value) => (typeof value === 'number' ? String(Math.round(value * 100) / 100) : value);

// Each colour twice: on the light background and on the dark one, both with a contrast of at least 4.5 for text.
const COLOURS = {
  background: ['#ffffff', '#0d1117'],
  ink: ['#1f2328', '#e6edf3'],
  faint: ['#59636e', '#9198a1'],
  grid: ['#d1d9e0', '#30363d'],
  first: ['#0550ae', '#58a6ff'],
  second: ['#953800', '#f0883e'],
  third: ['#116329', '#56d364'],
  fourth: ['#8250df', '#bc8cff'],
};

/** The classes for several series, most important first. */
export const SERIES = ['first', 'second', 'third', 'fourth'];

/** @param {0 | 1} theme */
const variables = (theme) =>
  Object.entries(COLOURS)
    .map(([name, colours]) => `--${name}:${colours[theme]}`)
    .join(';');

const STYLE = [
  `svg{${variables(0)}}`,
  `@media (prefers-color-scheme:dark){svg{${variables(1)}}}`,
  'text{font:12px system-ui,sans-serif;fill:var(--ink)}',
  '.title{font-weight:600;font-size:14px}',
  '.faint{fill:var(--faint)}',
  '.small{font-size:11px}',
  '.end{text-anchor:end}',
  '.middle{text-anchor:middle}',
  '.page{fill:var(--background)}',
  '.grid{stroke:var(--grid);stroke-width:1}',
  '.axis{stroke:var(--faint);stroke-width:1}',
  '.peer{fill:none;stroke:var(--faint);stroke-width:1.3}',
  ...SERIES.map(
    (name) =>
      `.${name}{fill:var(--${name});stroke:var(--${name})}.${name}.line{fill:none;stroke-width:2}.${name}.hollow{fill:var(--background)}`,
  ),
  ...SERIES.map((name) => `text.${name}{stroke:none}`),
].join('');

/**
 * A whole document.
 * @param {{ width: number, height: number, title: string, description: string }} frame
 *   title and description are for those who cannot see the picture
 * @param {readonly string[]} children markup
 */
export function document({ width, height, title, description }, children) {
  const attributes = {
    xmlns: 'http://www.w3.org/2000/svg',
    width,
    height,
    viewBox: `0 0 ${width} ${height}`,
    role: 'img',
    'aria-labelledby': 'title description',
  };
  const markup = element('svg', attributes, [
    element('title', { id: 'title' }, [escapeText(title)]),
    element('desc', { id: 'description' }, [escapeText(description)]),
    element('style', {}, [STYLE]),
    element('rect', { width, height, rx: 6, class: 'page' }),
    ...children.map((child) => `\n${child}`),
  ]);
  return `${markup}\n`;
}

/**
 * @typedef {object} LogScale
 * @property {(value: number) => number} at the coordinate of a value
 * @property {number[]} ticks powers of ten, with 2 and 5 between them where there is room
 */

/**
 * @param {readonly [number, number]} domain both above 0
 * @param {readonly [number, number]} range coordinates
 * @param {number} [leastGap] between two ticks
 * @returns {LogScale}
 */
export function logScale([least, most], [from, to], leastGap = 28) {
  const low = Math.log10(least);
  // A domain of one value still needs a width.
  const span = Math.log10(most) - low || 1;
  const at = (/** @type {number} */ value) => from + ((Math.log10(value) - low) / span) * (to - from);
  const steps = [[1, 2, 5], [1]].find((candidates) => {
    const perDecade = Math.abs(to - from) / span;
    return perDecade / candidates.length >= leastGap;
  }) ?? [1];
  const ticks = [];
  for (let power = Math.floor(low) - 1; power <= Math.ceil(low + span); power++) {
    for (const step of steps) {
      const value = Number(`${step}e${power}`);
      if (value >= least * 0.999 && value <= most * 1.001) ticks.push(value);
    }
  }
  return { at, ticks };
}
