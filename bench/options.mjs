// What `npm run bench` can be asked for, and which workloads and servers an answer consists of.
import { basename } from 'node:path';
import { parseArgs } from 'node:util';
import { positive, UsageError, workloadsNamed } from './command-line.mjs';
import { isServerFile, serverNames } from './servers/catalogue.mjs';
import { workloads } from './workloads/all.mjs';
import { shortServers } from './workloads/workload.mjs';

export const HELP = `npm run bench -- [options]       the short form
npm run bench:full -- [options]  every workload, every server

  --only TEXT         only workloads with TEXT in their name, whole words; several by comma ("20 B", "binary d16");
                      among all of them, also without --full
  --servers LIST      of ${serverNames.join(', ')};
                      a path to an .mjs file is a server too (default ${shortServers.join(',')}; all with --full)
  --seconds N         length of one turn (default 0.4)
  --rounds N          turns per server, interleaved (default 5)
  --warm-up N         seconds of warm-up per server (default 1)
  --json FILE         write everything that was measured to FILE
  --profile DIR       write CPU profiles of the servers to DIR and print their top functions (figures suffer)
  --generator KIND    c, node or auto (default auto: C when there is a compiler)
  --list              print the names of the workloads
`;

const GENERATORS = /** @type {const} */ (['auto', 'c', 'node']);

export function readOptions() {
  const { values } = parseArgs({
    options: {
      full: { type: 'boolean', default: false },
      only: { type: 'string' },
      servers: { type: 'string' },
      seconds: { type: 'string', default: '0.4' },
      rounds: { type: 'string', default: '5' },
      'warm-up': { type: 'string', default: '1' },
      json: { type: 'string' },
      profile: { type: 'string' },
      generator: { type: 'string', default: 'auto' },
      list: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const generator = GENERATORS.find((kind) => kind === values.generator);
  if (!generator) throw new UsageError(`--generator is c, node or auto, not ${values.generator}`);
  const servers = values.servers?.split(',').map(requireServer);
  return {
    ...values,
    generator,
    workloads: chooseWorkloads(values.only, values.full),
    /** @param {import('./workloads/workload.mjs').Workload} workload */
    serversOf(workload) {
      if (servers) return servers.filter((name) => isServerFile(name) || workload.servers.includes(name));
      return values.full ? workload.servers : workload.servers.filter((name) => shortServers.includes(name));
    },
    seconds: positive('--seconds', values.seconds),
    rounds: Math.ceil(positive('--rounds', values.rounds)),
    warmUpSeconds: positive('--warm-up', values['warm-up']),
  };
}

/**
 * @param {string | undefined} only
 * @param {boolean} isFull
 */
function chooseWorkloads(only, isFull) {
  if (only === undefined) return workloads.filter(({ isShort }) => isFull || isShort);
  return workloadsNamed(workloads, only);
}

/** @param {string} server */
function requireServer(server) {
  if (isServerFile(server) || serverNames.includes(server)) return server;
  throw new UsageError(
    `--servers knows ${serverNames.join(', ')} and paths to .mjs files, not ${basename(server)}`,
  );
}
