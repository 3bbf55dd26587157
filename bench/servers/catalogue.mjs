// The servers by their names: how each is started, and whether it can be had on this machine.
import { fileURLToPath, pathToFileURL } from 'node:url';
import { resolve } from 'node:path';
import { prepareBun, prepareGorilla, preparePythonWebsockets, prepareUWebSockets } from './foreign.mjs';

/**
 * @typedef {object} Launch how a server is started; the workload as JSON is added as its last argument
 * @property {string} command
 * @property {string[]} args
 * @property {Record<string, string>} [environment] beside what the bench has
 */

/** @typedef {{ launch: Launch } | { missing: string }} Prepared `missing` says why a server cannot be had */

/** @type {Readonly<Record<string, () => Prepared>>} */
const CATALOGUE = {
  fullduplex: () => onNode('fullduplex'),
  'fullduplex-borrowed': () => onNode('fullduplex-borrowed'),
  'fullduplex-iterator': () => onNode('fullduplex-iterator'),
  'fullduplex-ws': () => onNode('fullduplex-ws'),
  ws: () => onNode('ws'),
  'ws-js': () => onNode('ws', { WS_NO_BUFFER_UTIL: '1' }),
  net: () => onNode('net'),
  bun: prepareBun,
  uwebsockets: prepareUWebSockets,
  gorilla: prepareGorilla,
  'python-websockets': preparePythonWebsockets,
};

export const serverNames = Object.keys(CATALOGUE);

/** @type {Map<string, Prepared>} */
const prepared = new Map();

/**
 * Finds or builds a server; a second time gives the same answer.
 * @param {string} server a name of the catalogue, or a path to an .mjs file
 * @returns {Prepared}
 */
export function prepareServer(server) {
  const known = prepared.get(server);
  if (known) return known;
  const made = isServerFile(server)
    ? { launch: launchOf(pathToFileURL(resolve(server))) }
    : CATALOGUE[server]();
  prepared.set(server, made);
  return made;
}

/** @param {string} server */
export function isServerFile(server) {
  return server.endsWith('.mjs');
}

/**
 * @param {URL} file
 * @param {Record<string, string>} [environment]
 * @returns {Launch}
 */
export function launchOf(file, environment) {
  return { command: process.execPath, args: [fileURLToPath(file)], environment };
}

/**
 * @param {string} name
 * @param {Record<string, string>} [environment]
 */
function onNode(name, environment) {
  return { launch: launchOf(new URL(`${name}.mjs`, import.meta.url), environment) };
}
