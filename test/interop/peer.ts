// What a peer is to the tests: how one knows that it is installed, what it can do, and how each of its roles is
// started. A peer that is a program keeps to the contract in README.md; a browser does the same within a page.

import { spawnSync } from 'node:child_process';
import { test } from 'vitest';
import { type Observation, Observations } from './observations.ts';
import { type Command, Process } from './process.ts';
import type { Abilities } from './scenarios.ts';
import type { Certificate } from './workspace.ts';

/** Something that has to be installed for a test. */
export interface Requirement {
  readonly name: string;
  /** The Debian packages that bring it. */
  readonly packages: readonly string[];
  /** A shell command that succeeds when it is installed. */
  readonly probe: string;
}

/** A peer's client: it connects where it is told to, echoes, obeys and reports. */
export interface RunningClient {
  readonly observations: Observations;
  dial(id: string, url: string, protocols: readonly string[]): void;
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
  /** The page that our server has to serve for it, when it is a browser. */
  readonly page?: () => Promise<string>;
  /** Starts its client. `origin` is where the page is, when it is a browser. */
  readonly startClient?: (certificate: Certificate | undefined, origin: string) => Promise<RunningClient>;
  /** Starts its server. */
  readonly startServer?: (certificate: Certificate | undefined) => Promise<RunningServer>;
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
    dial: (id, url, protocols) => child.write([id, url, protocols.join(',')].join('\t')),
    complaint: () => child.errorTail,
    stop: () => child.stop(),
  };
}

/** Starts the server of a program that keeps to the contract, and waits until it listens. */
export async function startServerProgram(
  [program, ...args]: Command,
  certificate: Certificate | undefined,
): Promise<RunningServer> {
  const identity =
    certificate === undefined ? [] : ['--cert', certificate.certFile, '--key', certificate.keyFile];
  const child = new Process([program, ...args, 'server', ...identity]);
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
  const missing = requirements.filter(({ probe }) => spawnSync('sh', ['-c', probe]).status !== 0);
  if (missing.length === 0) {
    describeTests();
    return;
  }
  const names = missing.map(({ name }) => name).join(' and ');
  const packages = missing.flatMap((requirement) => requirement.packages).join(' ');
  const line = `${names} not installed, interop with it not tested: apt-get install ${packages}`;
  if (process.env['CI']) {
    test(line, () => {
      throw new Error(line);
    });
    return;
  }
  console.warn(line);
  test.skip(line, () => {});
}

/** The certificates of all of these tests come from this command. */
export const openssl: Requirement = {
  name: 'openssl',
  packages: ['openssl'],
  probe: 'command -v openssl',
};
