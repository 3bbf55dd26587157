// A text in which a program replaces what stands between two marks and leaves everything else, which people write, alone.
// A mark is a comment, so that it is invisible where the text is shown: <!-- measured: NAME --> and <!-- end of NAME -->.

/**
 * @param {string} text
 * @param {string} name
 * @param {string} content
 * @returns {string}
 * @throws Error when the text does not have the two marks exactly once and in order
 */
export function replaceMarked(text, name, content) {
  const start = `<!-- measured: ${name} -->`;
  const end = `<!-- end of ${name} -->`;
  const startAt = text.indexOf(start);
  const endAt = text.indexOf(end);
  const isTwice = text.indexOf(start, startAt + 1) !== -1 || text.indexOf(end, endAt + 1) !== -1;
  if (startAt === -1 || endAt < startAt || isTwice) {
    throw new Error(`expected ${start} and then ${end}, once each`);
  }
  return `${text.slice(0, startAt + start.length)}\n\n${content.trim()}\n\n${text.slice(endAt)}`;
}
