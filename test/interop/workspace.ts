// Files that the interop tests make: a temporary folder per use, a self-signed certificate made when it is needed,
// and the compiled peers, which are kept between runs under the hash of what they were made of.

import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rename, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Command } from './process.ts';

const execute = promisify(execFile);

/** Where what takes a while to make is kept between runs. */
export const cacheFolder: string = fileURLToPath(
  new URL('../../node_modules/.cache/fullduplex-interop', import.meta.url),
);

/** A folder of its own, removed by `remove`. */
export interface TemporaryFolder {
  readonly path: string;
  remove(): Promise<void>;
}

/** Makes a new empty folder. */
export async function temporaryFolder(): Promise<TemporaryFolder> {
  const path = await mkdtemp(join(tmpdir(), 'fullduplex-interop-'));
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}

/** A self-signed certificate for 127.0.0.1 and localhost: the files, and their text. */
export interface Certificate {
  readonly certFile: string;
  readonly keyFile: string;
  readonly cert: string;
  readonly key: string;
}

/** Makes a certificate with the openssl command. */
export async function makeCertificate(folder: string): Promise<Certificate> {
  const certFile = join(folder, 'cert.pem');
  const keyFile = join(folder, 'key.pem');
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1,DNS:localhost'];
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', keyFile];
  await execute('openssl', ['req', '-x509', '-days', '2', ...key, ...subject, '-out', certFile]);
  return {
    certFile,
    keyFile,
    cert: await readFile(certFile, 'utf8'),
    key: await readFile(keyFile, 'utf8'),
  };
}

/** The path of a file in peers/. */
export function peerFile(name: string): string {
  return fileURLToPath(new URL(`./peers/${name}`, import.meta.url));
}

/** How to compile a source file into a folder. */
export interface Compilation {
  /** The file in peers/. */
  readonly source: string;
  /** The compiler, asked for its version so that another compiler compiles again. */
  readonly version: Command;
  /** The compiler's run, given the source file, the folder for the result, and one to keep things in between. */
  readonly command: (
    source: string,
    folder: string,
    cache: string,
  ) => { readonly run: Command; readonly environment?: Readonly<Record<string, string>> };
}

/** Compiles once for a source and a compiler; gives the folder with the result. */
export async function compiled({ source, version, command }: Compilation): Promise<string> {
  const file = peerFile(source);
  const [compiler, ...versionArgs] = version;
  const { stdout } = await execute(compiler, versionArgs);
  const key = createHash('sha256')
    .update(await readFile(file))
    .update(stdout)
    .digest('hex');
  const cache = cacheFolder;
  const folder = join(cache, `${source.replaceAll('/', '-')}-${key.slice(0, 16)}`);
  if (await exists(folder)) return folder;
  await mkdir(cache, { recursive: true });
  // Made beside and moved into place: a run that is cut leaves nothing half done behind.
  const made = await mkdtemp(join(cache, 'making-'));
  const { run, environment } = command(file, made, cache);
  const [program, ...args] = run;
  await execute(program, args, { env: { ...process.env, ...environment } });
  await rename(made, folder).catch(async (error: unknown) => {
    await rm(made, { recursive: true, force: true });
    // Another worker was first: its result is as good.
    if (!(await exists(folder))) throw error;
  });
  return folder;
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
