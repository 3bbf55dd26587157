// All workloads in the order of the report.
import { deflateWorkloads } from './deflate.mjs';
import { echoWorkloads } from './echo.mjs';
import { fanOutWorkloads } from './fan-out.mjs';
import { handshakeWorkloads } from './handshakes.mjs';
import { latencyWorkloads } from './latency.mjs';
import { tlsWorkloads } from './tls.mjs';

/** @type {readonly import('./workload.mjs').Workload[]} */
export const workloads = [
  ...echoWorkloads,
  ...fanOutWorkloads,
  ...deflateWorkloads,
  ...handshakeWorkloads,
  ...tlsWorkloads,
  ...latencyWorkloads,
];
