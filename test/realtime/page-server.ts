// What tests with pages in real Chromium have in common: the page and the built modules that it imports, and a hint where there is no
// Chromium. Needs dist/ (npm run build).

import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, type TestContext } from 'vitest';
import { chromiumPath } from '../chromium.ts';

const built = fileURLToPath(new URL('../../dist', import.meta.url));

/** Skips a test where there is no Chromium; where everything has to run, it fails. */
export function requireChromium(context: TestContext): void {
  if (existsSync(chromiumPath)) return;
  const hint = `${chromiumPath} is missing: apt-get install chromium`;
  if (process.env.CI !== undefined) expect.fail(hint);
  context.skip(hint);
}

/** A server of node:http with a page, and files beside it. */
export interface PageServer {
  readonly http: Server;
  close(): void;
}

/**
 * Serves a page and what it imports.
 * @param modules a folder with modules of the page's own (.mjs); all others are those of dist/
 * @param port 0: a free one
 */
export async function servePage(html: string, modules: string = built, port = 0): Promise<PageServer> {
  const http = createServer((request, response) => {
    const path = normalize(new URL(request.url ?? '/', 'http://host').pathname);
    if (path === '/') {
      response.writeHead(200, { 'content-type': 'text/html' }).end(html);
      return;
    }
    const extension = extname(path);
    readFile(join(extension === '.mjs' ? modules : built, path)).then(
      (content) => {
        const type = ['.js', '.mjs'].includes(extension) ? 'text/javascript' : 'application/octet-stream';
        response.writeHead(200, { 'content-type': type }).end(content);
      },
      () => response.writeHead(404).end(),
    );
  });
  http.listen(port, '127.0.0.1');
  await once(http, 'listening');
  return {
    http,
    close: () => {
      http.closeAllConnections();
      http.close();
    },
  };
}
