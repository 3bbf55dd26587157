// The files of a page that we serve, read once at the start: the page itself, its modules, and the modules of the library
// that they import. What is not in the list cannot be asked for.

import { readdir, readFile } from 'node:fs/promises';
import { extname } from 'node:path';

/** One file as it is served. */
export interface SiteFile {
  readonly contentType: string;
  readonly bytes: Uint8Array;
}

const contentTypes: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/** Where the built files lie: this module is in app/ of it. */
const built = new URL('../', import.meta.url);
const startFolders = [
  'app/page/',
  'base/',
  'protocol/',
  'realtime/client/',
  'realtime/link/',
  'realtime/wire/',
];
const startEntries = ['protocol.js', 'client.browser.js'];

/** Reads the start page. */
export function loadStartPage(): Promise<ReadonlyMap<string, SiteFile>> {
  return loadSite('app/page/index.html', startFolders, startEntries);
}

/**
 * Reads a site; the keys are paths of URLs. Below /lib/ stand the built files as they lie, so that imports fit.
 * @param start the page that is served at /
 */
export async function loadSite(
  start: string,
  folders: readonly string[],
  entries: readonly string[],
): Promise<ReadonlyMap<string, SiteFile>> {
  const site = new Map<string, SiteFile>();
  for (const entry of entries) site.set(`/lib/${entry}`, await readSiteFile(entry));
  for (const folder of folders) {
    for (const name of await readdir(new URL(folder, built), { recursive: true })) {
      const place = `${folder}${name.replaceAll('\\', '/')}`;
      if (extname(place) in contentTypes) site.set(`/lib/${place}`, await readSiteFile(place));
    }
  }
  const page = site.get(`/lib/${start}`);
  if (page !== undefined) site.set('/', page);
  return site;
}

async function readSiteFile(place: string): Promise<SiteFile> {
  const bytes = await readFile(new URL(place, built));
  return { contentType: contentTypes[extname(place)] ?? 'application/octet-stream', bytes };
}
