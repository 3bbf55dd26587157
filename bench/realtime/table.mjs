// The report of the realtime bench as Markdown.
import {
  environmentLines,
  formatCount,
  formatMicros,
  formatRatio,
  formatShare,
  formatSpread,
} from '../report/cells.mjs';
import { spreadOf } from '../report/summary.mjs';

const REFERENCE = 'socket.io';

/** @param {import('./run.mjs').RealtimeReport} report */
export function formatRealtime(report) {
  const lines = [
    ...environmentLines(report),
    ...Object.values(report.versions).map((version) => `- ${version}`),
    `- generator: ${report.generator}; data of ${report.dataBytes} bytes`,
    ...report.warnings.map((warning) => `- ${warning}`),
    '',
  ];
  if (report.workloads.length > 0) {
    lines.push(
      '| workload | server | server CPU us | ratio | each second | bytes beyond the data | server busy | generator busy |',
      '| --- | --- | --- | --- | --- | --- | --- | --- |',
    );
    for (const workload of report.workloads) lines.push(...workloadLines(workload, report.dataBytes));
    lines.push('');
  }
  const memory = Object.entries(report.memory);
  if (memory.length > 0) {
    lines.push(
      `| ${formatCount(report.connections)} idle connections, for each | resident bytes | heap bytes | bytes in ArrayBuffers | resident, ratio |`,
      '| --- | --- | --- | --- | --- |',
    );
    for (const [server, rounds] of memory) {
      const spread = (/** @type {'residentBytes' | 'heapUsedBytes' | 'arrayBufferBytes'} */ name) =>
        formatSpread(spreadOf(rounds.map((round) => round[name])), formatCount);
      const reference = report.memory[REFERENCE] ?? rounds;
      const ratios = rounds.map(({ residentBytes }, index) => residentBytes / reference[index].residentBytes);
      lines.push(
        `| ${server} | ${spread('residentBytes')} | ${spread('heapUsedBytes')} | ${spread('arrayBufferBytes')} | ${formatSpread(spreadOf(ratios), formatRatio)} |`,
      );
    }
    lines.push('');
  }
  return lines.join('\n');
}

/**
 * @param {import('./run.mjs').RealtimeReport['workloads'][number]} workload
 * @param {number} dataBytes
 */
function workloadLines({ name, unit, servers }, dataBytes) {
  return Object.entries(servers).map(([server, rounds]) => {
    const spread = (
      /** @type {keyof import('./contestant.mjs').RealtimeRound} */ figure,
      /** @type {(value: number) => string} */ format,
    ) => formatSpread(spreadOf(rounds.map((round) => round[figure])), format);
    // Formed within a round, because both sides of it met the same machine: above 1 is cheaper than the reference.
    const ratios = rounds.map(
      ({ serverMicros }, index) => servers[REFERENCE][index].serverMicros / serverMicros,
    );
    const rates = rounds.map(({ messages, seconds }) => messages / seconds);
    const beyond = spreadOf(rounds.map(({ payloadBytes }) => payloadBytes - dataBytes)).median;
    return [
      '',
      name,
      server,
      `${spread('serverMicros', formatMicros)} per ${unit}`,
      formatSpread(spreadOf(ratios), formatRatio),
      formatSpread(spreadOf(rates), formatCount),
      beyond.toFixed(1),
      spread('serverBusy', formatShare),
      spread('generatorBusy', formatShare),
      '',
    ]
      .join(' | ')
      .trim();
  });
}
