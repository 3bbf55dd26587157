// Whether a text is well-formed XML, as far as the plots use it: elements that nest, quoted attributes that do not
// repeat, no bare characters that would have to be escaped, and only numbers where numbers belong.
import { expect } from 'vitest';

const TAG = /<(\/?)([a-z]+)((?: [a-zA-Z0-9-]+="[^"<]*")*)(\/?)>/y;
const TEXT = /(?:[^<>&]|&(?:amp|lt|gt|quot);)+/y;

/** Fails with the place where the text stops being well-formed. */
export function expectWellFormed(svg: string): void {
  const open: string[] = [];
  let at = 0;
  let elements = 0;
  while (at < svg.length) {
    TEXT.lastIndex = at;
    const text = TEXT.exec(svg);
    if (text) {
      expect(open.length > 0 || text[0].trim() === '', `text outside the root: ${text[0].slice(0, 40)}`).toBe(
        true,
      );
      at = TEXT.lastIndex;
      continue;
    }
    TAG.lastIndex = at;
    const tag = TAG.exec(svg);
    if (!tag) throw new Error(`not well-formed at ${at}: ${svg.slice(at, at + 80)}`);
    const [, slash, name = '', attributes = '', selfClosing] = tag;
    at = TAG.lastIndex;
    if (slash) expect(open.pop(), `</${name}> at ${at}`).toBe(name);
    else {
      elements++;
      expect(open.length > 0 || elements === 1, `a second root <${name}>`).toBe(true);
      const names = Array.from(attributes.matchAll(/ ([a-zA-Z0-9-]+)=/g), (match) => match[1]);
      expect(new Set(names).size, `repeated attribute in <${name}${attributes}>`).toBe(names.length);
      if (!selfClosing) open.push(name);
    }
  }
  expect(open).toEqual([]);
  expect(elements).toBeGreaterThan(5);
  expect(svg).not.toMatch(/NaN|Infinity|undefined|null/);
}
