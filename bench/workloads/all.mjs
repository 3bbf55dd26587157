// All workloads in the order of the report.
import { echoWorkloads } from './echo.mjs';
import { fanOutWorkloads } from './fan-out.mjs';

/** @type {readonly import('./workload.mjs').Workload[]} */
export const workloads = [...echoWorkloads, ...fanOutWorkloads];
