// What a peer is to the tests: how one knows that it is installed, what it can do, and how each of its roles is
// started. A peer that is a program keeps to the contract in README.md; a browser does the same within a page.

import { spawnSync } from 'node:child_process';
import { test } from 'vitest';
import { type Observation, Observations } from './observations.ts';
import { type Command, Process } from './process.ts';
import type { PeerDeflate } from './deflate-settings.ts';
import type { Abilities } from './scenarios.ts';
import type { Certificate } from './workspace.ts';

/** Something that has to be installed for a test. */
export interface Requirement {
  readonly name: string;
  /** The Debian packages that bring it, or a sentence on how it is had. */
  readonly install: readonly string[] | string;
  /** A shell command that succeeds when it is installed. */
  readonly probe: string;
}

/** A peer's client: it connects where it is told to, echoes, obeys and reports. */
export interface RunningClient {
  readonly observations: Observations;
  /** @param deflate what it does of permessage-deflate, as README.md has it */
  dial(id: string, url: string, protocols: readonly string[], deflate?: string): void;
  /** The last that it complained, for a test that failed. */
  complaint(): string;
  stop(): Promise<void>;
}

/** A peer's server: it echoes, obeys and reports on each connection. */
export interface RunningServer {
  readonly observations: Observations;
  readonly port: number;
  complaint(): string;
  stop(): Promise<void>;
}

/** A WebSocket implementation that is not ours. */
export interface Peer extends Requirement {
  readonly abilities: Abilities;
  /** What it can do of permessage-deflate, if it has it. */
  readonly deflate?: PeerDeflate;
  /** The page that our server has to serve for it, when it is a browser. */
  readonly page?: () => Promise<string>;
  /** Starts its client. `origin` is where the page is, when it is a browser. */
  readonly startClient?: (certificate: Certificate | undefined, origin: string) => Promise<RunningClient>;
  /** Starts its server. */
  readonly startServer?: (certificate: Certificate | undefined, deflate?: string) => Promise<RunningServer>;
}

/** Starts the client of a program that keeps to the contract. */
export async function startClientProgram(
  [program, ...args]: Command,
  certificate: Certificate | undefined,
): Promise<RunningClient> {
  const trust = certificate === undefined ? [] : ['--ca', certificate.certFile];
  const child = new Process([program, ...args, 'client', ...trust]);
  const observations = new Observations();
  child.read(
    (line) => observations.add(JSON.parse(line) as Observation),
    (error) => observations.end(error),
  );
  return {
    observations,
    dial: (id, url, protocols, deflate = '') =>
      child.write([id, url, protocols.join(','), deflate].join('\t')),
    complaint: () => child.errorTail,
    stop: () => child.stop(),
  };
}

/** Starts the server of a program that keeps to the contract, and waits until it listens. */
export async function startServerProgram(
  [program, ...args]: Command,
  certificate: Certificate | undefined,
  deflate?: string,
): Promise<RunningServer> {
  const identity =
    certificate === undefined ? [] : ['--cert', certificate.certFile, '--key', certificate.keyFile];
  const compression = deflate === undefined ? [] : ['--deflate', deflate];
  const child = new Process([program, ...args, 'server', ...identity, ...compression]);
  const observations = new Observations();
  const port = await new Promise<number>((resolve, reject) => {
    child.read(
      (line) => {
        const said = JSON.parse(line) as Observation | { readonly port: number };
        if ('port' in said) resolve(said.port);
        else observations.add(said);
      },
      (error) => {
        observations.end(error);
        reject(error);
      },
    );
  });
  return { observations, port, complaint: () => child.errorTail, stop: () => child.stop() };
}

/**
 * Describes tests that need something installed. Without it there is one test that is skipped, and whose name says
 * how to install it; in CI, where everything has to be installed, that test fails.
 */
export function whenInstalled(requirements: readonly Requirement[], describeTests: () => void): void {
  const missing = requirements.filter(({ probe }) => !succeeds(probe));
  if (missing.length === 0) {
    describeTests();
    return;
  }
  const names = missing.map(({ name }) => name).join(' and ');
  const packages = missing.flatMap(({ install }) => (typeof install === 'string' ? [] : install)).join(' ');
  const how = missing.flatMap(({ install }) => (typeof install === 'string' ? install : []));
  if (packages !== '') how.push(`apt-get install ${packages}`);
  const line = `${names} not installed, interop with it not tested: ${how.join('; ')}`;
  if (process.env['CI']) {
    test(line, () => {
      throw new Error(line);
    });
    return;
  }
  console.warn(line);
  test.skip(line, () => {});
}

const outcomes = new Map<string, boolean>();

/** Whether a shell command succeeds; asked once. */
function succeeds(command: string): boolean {
  const known = outcomes.get(command);
  if (known !== undefined) return known;
  const outcome = spawnSync('sh', ['-c', command]).status === 0;
  outcomes.set(command, outcome);
  return outcome;
}

/** The certificates of all of these tests come from this command. */
export const openssl: Requirement = {
  name: 'openssl',
  install: ['openssl'],
  probe: 'command -v openssl',
};
