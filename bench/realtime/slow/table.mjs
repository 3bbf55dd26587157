// The report of the bench of slow subscribers as Markdown.
import {
  environmentLines,
  formatCount,
  formatMicros,
  formatRatio,
  formatSpread,
} from '../../report/cells.mjs';
import { spreadOf } from '../../report/summary.mjs';

/** @param {import('./run.mjs').SlowReport} report */
export function formatSlow(report) {
  return [
    ...environmentLines(report),
    `- ${report.version}`,
    `- generator: ${report.generator}; data of ${report.dataBytes} bytes, ${formatCount(report.subscribers)} subscribers that keep up`,
    ...report.warnings.map((warning) => `- ${warning}`),
    '',
    '| policy | latency p50 us, ratio | latency p99 us, ratio | server CPU us per delivery, ratio | bytes that wait for it | heap more, KiB | ArrayBuffers more, KiB | resident more, KiB |',
    '| --- | --- | --- | --- | --- | --- | --- | --- |',
    ...report.policies.map(policyLine),
    '',
  ].join('\n');
}

/** @param {import('./run.mjs').SlowReport['policies'][number]} policy */
function policyLine({ name, pairs }) {
  const ratio = (
    /** @type {keyof import('./run.mjs').SlowTurn} */ figure,
    /** @type {(value: number) => string} */ format,
  ) => {
    const turns = pairs.flatMap((pair) => pair.with);
    // Formed within a round, because both sides of it met the same machine: above 1 is dearer with the one that stopped.
    const ratios = pairs.flatMap((pair) =>
      pair.with.map((turn, index) => turn[figure] / pair.without[index][figure]),
    );
    const { median } = spreadOf(turns.map((turn) => turn[figure]));
    return `${format(median)}, ${formatSpread(spreadOf(ratios), formatRatio)}`;
  };
  const more = (/** @type {keyof import('./run.mjs').SlowGrowth} */ figure) =>
    formatSpread(
      spreadOf(pairs.map(({ growth }) => (growth.with[figure] - growth.without[figure]) / 1024)),
      formatCount,
    );
  return `| ${[
    name,
    ratio('p50Micros', formatCount),
    ratio('p99Micros', formatCount),
    ratio('serverMicros', formatMicros),
    formatSpread(spreadOf(pairs.map(({ waitingBytes }) => waitingBytes)), formatCount),
    more('heapUsedBytes'),
    more('arrayBufferBytes'),
    more('residentBytes'),
  ].join(' | ')} |`;
}
