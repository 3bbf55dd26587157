// `npm run bench:report`: writes the measured parts of docs/performance.md and its plots from what the benches wrote as
// JSON; with --measure it runs them all first. What people wrote in that page stays.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { runCommand } from '../command-line.mjs';
import { plotOf } from '../growth/plot.mjs';
import { readGoals } from '../goals/cells.mjs';
import { replaceMarked } from './marked-text.mjs';
import { ratioPlot } from './ratio-plot.mjs';
import { plottedGoals, sectionsOf } from './sections.mjs';

const HELP = `npm run bench:report -- [options]

  --measure       first run everything: bench:full, bench:client, bench:memory and bench:growth (most of an hour)
  --results DIR   where the reports are (default bench/results): server.json, client.json, memory.json, growth.json
  --docs FILE     the page (default docs/performance.md)
  --images DIR    where the plots go (default docs/images)

Parts whose report is missing stay as they are. One report alone: npm run bench:client -- --json bench/results/client.json
`;

/** @param {string} path */
const inRepository = (path) => fileURLToPath(new URL(`../../${path}`, import.meta.url));

/** The benches in the order of the reports, as package.json calls them. */
const BENCHES = [
  { name: 'server', script: 'bench:full', args: ['--rounds', '7'] },
  { name: 'client', script: 'bench:client', args: ['--rounds', '7'] },
  { name: 'memory', script: 'bench:memory', args: ['--rounds', '3'] },
  { name: 'growth', script: 'bench:growth', args: [] },
];

/** @param {string} results */
function measure(results) {
  for (const { name, script, args } of BENCHES) {
    // Relative, as it stands in the report; npm runs its scripts in the folder of package.json.
    const all = ['run', script, '--', ...args, '--json', join(results, `${name}.json`)];
    process.stderr.write(`npm ${all.join(' ')}\n`);
    const { status } = spawnSync('npm', all, {
      cwd: inRepository('.'),
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    // A server that cannot be measured is in the report as such.
    if (status !== 0) process.stderr.write(`  ended with ${status}\n`);
  }
}

function main() {
  const { values } = parseArgs({
    options: {
      measure: { type: 'boolean', default: false },
      results: { type: 'string', default: 'bench/results' },
      docs: { type: 'string', default: inRepository('docs/performance.md') },
      images: { type: 'string', default: inRepository('docs/images') },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return;
  }
  if (values.measure) measure(values.results);
  /** @type {import('./sections.mjs').Reports} */
  const reports = {};
  for (const { name } of BENCHES) {
    const file = join(values.results, `${name}.json`);
    if (existsSync(file)) Object.assign(reports, { [name]: JSON.parse(readFileSync(file, 'utf8')) });
    else process.stderr.write(`${file} is missing, its parts stay as they are\n`);
  }
  const goals = readGoals();
  let page = readFileSync(values.docs, 'utf8');
  for (const [name, content] of sectionsOf(reports, goals)) page = replaceMarked(page, name, content);
  writeFileSync(values.docs, page);

  mkdirSync(values.images, { recursive: true });
  if (reports.server && reports.client) {
    const title = 'CPU for each message beside ws';
    const plot = ratioPlot({ title, rows: plottedGoals(reports, goals) });
    writeFileSync(join(values.images, 'performance-goals.svg'), plot);
  }
  for (const curve of reports.growth?.curves ?? []) {
    if (curve.points.length === 0) continue;
    writeFileSync(join(values.images, `growth-${curve.curve.name}.svg`), plotOf(curve));
  }
}

await runCommand(HELP, main);
