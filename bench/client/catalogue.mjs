// The client programs by their names: how each is started, and whether it can be had on this machine.
import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { launchOf, prepareServer } from '../servers/catalogue.mjs';

/** @typedef {import('../servers/catalogue.mjs').Prepared} Prepared */

/** @type {Readonly<Record<string, () => Prepared>>} */
const CATALOGUE = {
  fullduplex: () => onNode('fullduplex'),
  'fullduplex-borrowed': () => onNode('fullduplex-borrowed'),
  'fullduplex-events': () => onNode('fullduplex-events'),
  'fullduplex-iteration': () => onNode('fullduplex-iteration'),
  ws: () => onNode('ws'),
  'ws-events': () => onNode('ws-events'),
  node: nodeGlobal,
  bun: bunGlobal,
};

export const clientNames = Object.keys(CATALOGUE);

/**
 * @param {string} client a name of the catalogue, or a path to an .mjs file
 * @returns {Prepared}
 */
export function prepareClient(client) {
  return isClientFile(client) ? { launch: launchOf(pathToFileURL(resolve(client))) } : CATALOGUE[client]();
}

/** @param {string} client */
export function isClientFile(client) {
  return client.endsWith('.mjs');
}

/** @param {string} name */
const onNode = (name) => ({ launch: launchOf(new URL(`programs/${name}.mjs`, import.meta.url)) });

/** @returns {Prepared} */
function nodeGlobal() {
  const { launch } = onNode('global');
  if (typeof globalThis.WebSocket === 'function') return { launch };
  // Node 20 has it behind a flag.
  const flag = '--experimental-websocket';
  if (spawnSync(process.execPath, [flag, '--version']).status === 0) {
    return { launch: { ...launch, args: [flag, ...launch.args] } };
  }
  return { missing: `Node ${process.version} has no global WebSocket` };
}

/** @returns {Prepared} */
function bunGlobal() {
  const bun = prepareServer('bun');
  if ('missing' in bun) return bun;
  return { launch: { command: bun.launch.command, args: onNode('global').launch.args } };
}
