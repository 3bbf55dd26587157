// What every measured server owes the bench, on stdin and stdout so that the measured port carries load only:
// one line when it listens, one line with its CPU time and memory for every line it reads, and its end when stdin ends.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';

/**
 * @param {{ name: string, version: string, note?: string, port: number, speaks?: 'websocket' | 'bytes' }} server
 *   `speaks` (default 'websocket') tells the generator whether to expect a handshake and frames.
 */
export function announce(server) {
  const write = (/** @type {object} */ answer) => process.stdout.write(`${JSON.stringify(answer)}\n`);
  createInterface({ input: process.stdin })
    .on('line', () => {
      const { user, system } = process.cpuUsage();
      write({ userMicros: user, systemMicros: system, residentBytes: process.memoryUsage.rss() });
    })
    .on('close', () => process.exit(0));
  write({ speaks: 'websocket', runtime: `Node ${process.version}`, ...server });
}

/**
 * The version in a dependency's package.json.
 * @param {string} name
 * @returns {string}
 */
export function packageVersion(name) {
  return JSON.parse(readFileSync(createRequire(import.meta.url).resolve(`${name}/package.json`), 'utf8'))
    .version;
}
