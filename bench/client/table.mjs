// The report on clients as Markdown: one row per workload and client, and the ratios side by side.
import {
  environmentLines,
  formatCount,
  formatMicros,
  formatRatio,
  formatShare,
  formatSpread,
} from '../report/cells.mjs';
import { formatTable } from '../report/markdown.mjs';
import { REFERENCE } from '../report/summary.mjs';

const COLUMNS = [
  'workload',
  'client',
  'client CPU us/message',
  'messages/s',
  'CPU ratio',
  'client busy',
  'echo server busy',
  'verified echoes',
];

/** @param {import('./run.mjs').ClientReport} report */
export function formatClients(report) {
  const parts = [clientPreamble, clientDetails, clientRatios, clientNotes].map((part) => part(report));
  return parts
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n');
}

/** @param {import('./run.mjs').ClientReport} report */
export function clientPreamble(report) {
  const { versions, echo, conditions } = report;
  return [
    ...environmentLines(report),
    ...Object.entries(versions).map(([client, version]) => `- ${client}: ${version}`),
    `- echo server: ${echo}`,
    `- ${conditions.rounds} interleaved rounds of ${conditions.seconds} s after ${conditions.warmUpSeconds} s of warm-up;` +
      ` median (lowest-highest); ratios within a round, ${REFERENCE} = 1.00, higher is better`,
  ];
}

/** @param {import('./run.mjs').ClientReport} report */
export function clientNotes({ warnings, missing, workloads }) {
  return [
    ...warnings.map((warning) => `- note: ${warning}`),
    ...Object.entries(missing).map(([name, reason]) => `- left out: ${name}: ${reason}`),
    ...workloads.flatMap(({ workload, entries }) =>
      entries.flatMap(({ client, failure }) =>
        failure ? `- failed: ${client}, ${workload.name}: ${failure}` : [],
      ),
    ),
  ];
}

/** @param {import('./run.mjs').ClientReport} report */
export function clientDetails({ workloads }) {
  const rows = workloads.flatMap(({ workload, entries }) =>
    entries.map(({ client, figures, verifiedMessages }) =>
      figures
        ? [
            workload.name,
            client,
            formatSpread(figures.clientMicrosPerMessage, formatMicros),
            formatSpread(figures.messagesPerSecond, formatCount),
            formatSpread(figures.cpuRatio, formatRatio),
            formatShare(figures.clientBusy.median),
            formatShare(figures.echoBusy.median),
            formatCount(verifiedMessages),
          ]
        : [workload.name, client, 'failed', '', '', '', '', formatCount(verifiedMessages)],
    ),
  );
  return formatTable(COLUMNS, rows);
}

/**
 * The ratios, one row per workload and one column per client.
 * @param {import('./run.mjs').ClientReport} report
 */
export function clientRatios({ workloads }) {
  const clients = [...new Set(workloads.flatMap(({ entries }) => entries.map(({ client }) => client)))];
  const rows = workloads.map(({ workload, entries }) => [
    workload.name,
    ...clients.map((client) => {
      const figures = entries.find((entry) => entry.client === client)?.figures;
      return figures ? formatSpread(figures.cpuRatio, formatRatio) : 'failed';
    }),
  ]);
  return formatTable([`CPU ratio, ${REFERENCE} = 1.00`, ...clients], rows, 1);
}
