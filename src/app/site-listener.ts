// The HTTP side of a page that we serve: its files, to who asks for them by a name of this server, with headers that let the page do
// what it has to do and nothing else.

import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { isLoopbackHost } from '../server/origin.ts';
import type { SiteFile } from './site.ts';

const base = 'http://start.page';

/**
 * Answers requests with the files of a site.
 * @param isOnLoopback whether the server listens for this machine only
 * @param other answers what is no file, and says whether it did
 */
export function siteListener(
  site: ReadonlyMap<string, SiteFile>,
  isOnLoopback: boolean,
  other: (request: IncomingMessage, response: ServerResponse, url: URL) => boolean = () => false,
): RequestListener {
  return (request, response) => {
    const { host = '' } = request.headers;
    setSecurityHeaders(response, host);
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('Allow', 'GET, HEAD');
      answer(response, 405, 'Only GET and HEAD.');
      return;
    }
    // DNS rebinding: a page of an attacker whose name suddenly means 127.0.0.1 would be of the same origin as ours.
    if (isOnLoopback && !isLoopbackHost(host)) {
      answer(response, 403, `This server is for this machine only, and ${host} is not its name.`);
      return;
    }
    // What follows the method is somebody else's text, and `//` is no URL: to throw here would end the process.
    const target = request.url ?? '/';
    if (!URL.canParse(target, base)) {
      answer(response, 400, 'That is no address.');
      return;
    }
    const url = new URL(target, base);
    if (other(request, response, url)) return;
    const file = site.get(url.pathname);
    if (file === undefined) {
      answer(response, 404, 'There is nothing here. The start page is at /');
      return;
    }
    response.writeHead(200, { 'Content-Type': file.contentType, 'Content-Length': file.bytes.length });
    response.end(request.method === 'HEAD' ? undefined : file.bytes);
  };
}

function setSecurityHeaders(response: ServerResponse, host: string): void {
  // 'self' covers ws: in today's browsers; older ones want it named. Host is somebody else's text.
  const sockets = /^[\w.:[\]-]+$/.test(host) ? ` ws://${host} wss://${host}` : '';
  response.setHeader(
    'Content-Security-Policy',
    `default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'${sockets}; ` +
      "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  );
  response.setHeader('X-Content-Type-Options', 'nosniff');
  response.setHeader('Referrer-Policy', 'no-referrer');
  response.setHeader('Cross-Origin-Opener-Policy', 'same-origin');
  response.setHeader('Cross-Origin-Resource-Policy', 'same-origin');
  response.setHeader('Cache-Control', 'no-store');
}

/** Answers with a sentence. */
export function answer(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8' });
  response.end(`${text}\n`);
}
