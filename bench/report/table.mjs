// The report as Markdown, so that it can stand in the docs as it is: machine and command, one row per workload and
// server, and the ratios side by side.
import {
  environmentLines,
  formatCount,
  formatMicros,
  formatRatio,
  formatShare,
  formatSpread,
} from './cells.mjs';
import { formatTable } from './markdown.mjs';
import { REFERENCE } from './summary.mjs';

/** A generator above this share of its core may be what limits the throughput. */
const GENERATOR_BUSY_LIMIT = 0.9;
/** Other programs above this share of the machine make the figures doubtful. */
const OTHERS_BUSY_LIMIT = 0.1;

export const COLUMNS = [
  'workload',
  'server',
  'server CPU us/message',
  'messages/s',
  'CPU ratio',
  'throughput ratio',
  'server busy',
  'generator busy',
  'verified echoes',
];

/** @param {import('../run.mjs').Report} report */
export function formatReport(report) {
  const parts = [preamble, details, ratios, latencies, notes].map((part) => part(report));
  return parts
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n');
}

/** @param {import('../run.mjs').Report} report */
export function preamble(report) {
  const { versions, generator, conditions } = report;
  const { server, generator: generatorCore } = conditions.cores;
  return [
    ...environmentLines(report),
    `- servers: ${Object.values(versions).join('; ')}`,
    `- load generator: ${generator}`,
    server === undefined
      ? '- nothing is pinned'
      : `- server on core ${server}, generator on core ${generatorCore}`,
    `- ${conditions.rounds} interleaved rounds of ${conditions.seconds} s after ${conditions.warmUpSeconds} s of warm-up;` +
      ` median (lowest-highest); ratios within a round, ${REFERENCE} = 1.00, higher is better`,
  ];
}

/** @param {import('../run.mjs').Report} report */
export function details({ workloads }) {
  const rows = workloads.flatMap(({ workload, entries }) =>
    entries.map(({ server, figures, verifiedMessages }) => {
      if (!figures)
        return [workload.name, server, 'failed', '', '', '', '', '', formatCount(verifiedMessages)];
      const limited = figures.generatorBusy.median > GENERATOR_BUSY_LIMIT ? ' (!)' : '';
      return [
        workload.name,
        server,
        formatSpread(figures.serverMicrosPerMessage, formatMicros),
        formatSpread(figures.messagesPerSecond, formatCount),
        formatSpread(figures.cpuRatio, formatRatio),
        formatSpread(figures.throughputRatio, formatRatio),
        formatShare(figures.serverBusy.median),
        formatShare(figures.generatorBusy.median) + limited,
        formatCount(verifiedMessages),
      ];
    }),
  );
  return formatTable(COLUMNS, rows);
}

/** @param {import('../run.mjs').Report} report */
export function ratios({ workloads }) {
  const servers = [...new Set(workloads.flatMap(({ entries }) => entries.map(({ server }) => server)))];
  const rows = workloads.map(({ workload, entries }) => [
    workload.name,
    ...servers.map((server) => {
      const entry = entries.find((candidate) => candidate.server === server);
      return entry?.failure ? 'failed' : formatSpread(entry?.figures?.cpuRatio, formatRatio);
    }),
  ]);
  return formatTable([`CPU ratio, ${REFERENCE} = 1.00`, ...servers], rows);
}

/**
 * Only of workloads at a fixed rate, where a latency is not just the other side of the throughput.
 * @param {import('../run.mjs').Report} report
 */
export function latencies({ workloads }) {
  const rows = workloads.flatMap(({ workload, entries }) =>
    entries.flatMap(({ server, figures }) => {
      const latency = figures?.latencyMicros;
      if (!latency) return [];
      const cells = [latency.p50, latency.p99, latency.p999].map((spread) =>
        formatSpread(spread, formatMicros),
      );
      return [[workload.name, server, ...cells]];
    }),
  );
  return rows.length === 0 ? [] : formatTable(['workload', 'server', 'p50 us', 'p99 us', 'p99.9 us'], rows);
}

/** @param {import('../run.mjs').Report} report */
export function notes({ workloads, warnings, missing }) {
  const figures = workloads.flatMap(({ entries }) => entries.flatMap((entry) => entry.figures ?? []));
  const others = Math.max(0, ...figures.map(({ othersBusy }) => othersBusy.median));
  const lines = warnings.map((warning) => `- note: ${warning}`);
  for (const [name, reason] of Object.entries(missing)) lines.push(`- left out: ${name}: ${reason}`);
  for (const [reason, names] of failuresOf(workloads)) {
    lines.push(`- failed: ${names.length > 3 ? `${names.length} workloads` : names.join(', ')}: ${reason}`);
  }
  if (others > OTHERS_BUSY_LIMIT) {
    lines.push(
      `- note: other programs used up to ${formatShare(others)} of this machine; repeat the run on a quiet one`,
    );
  }
  if (figures.some(({ generatorBusy }) => generatorBusy.median > GENERATOR_BUSY_LIMIT)) {
    lines.push(
      '- (!): the generator was the limit there: throughput is a lower bound, CPU per message still compares',
    );
  }
  if (workloads.some(({ entries }) => entries.some(({ identity }) => identity.name === 'node:net'))) {
    lines.push('- node:net does no WebSocket work: a floor, not a peer (bench/README.md)');
  }
  return lines;
}

/**
 * The workloads that failed, by their reasons: a server that does not work at all says so once.
 * @param {import('../run.mjs').Report['workloads']} workloads
 */
function failuresOf(workloads) {
  /** @type {Map<string, string[]>} */
  const byReason = new Map();
  for (const { workload, entries } of workloads) {
    for (const { failure } of entries) {
      if (failure) byReason.set(failure, [...(byReason.get(failure) ?? []), workload.name]);
    }
  }
  return byReason;
}
