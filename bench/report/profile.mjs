// Reads the CPU profiles that --profile leaves behind and names where a server spent its own time.
import { readFileSync } from 'node:fs';

const TOP = 25;

/**
 * @param {string} file
 * @returns {string[]} lines, the most expensive function first
 */
export function topFunctions(file) {
  /** @type {{ nodes: { id: number, callFrame: { functionName: string, url: string, lineNumber: number } }[], samples: number[], timeDeltas: number[] }} */
  const profile = JSON.parse(readFileSync(file, 'utf8'));
  const names = new Map(profile.nodes.map(({ id, callFrame }) => [id, nameOf(callFrame)]));
  /** @type {Map<string, number>} */
  const selfMicros = new Map();
  let totalMicros = 0;
  for (const [index, id] of profile.samples.entries()) {
    const name = names.get(id) ?? '?';
    if (name === '(idle)') continue;
    const micros = profile.timeDeltas[index + 1] ?? 0;
    totalMicros += micros;
    selfMicros.set(name, (selfMicros.get(name) ?? 0) + micros);
  }
  return [...selfMicros]
    .toSorted((a, b) => b[1] - a[1])
    .slice(0, TOP)
    .map(([name, micros]) => `${((100 * micros) / totalMicros).toFixed(1).padStart(5)} %  ${name}`);
}

/** @param {{ functionName: string, url: string, lineNumber: number }} callFrame */
function nameOf({ functionName, url, lineNumber }) {
  const file = url.split('/').slice(-3).join('/');
  return `${functionName || '(anonymous)'}${file ? `  ${file}:${lineNumber + 1}` : ''}`;
}
