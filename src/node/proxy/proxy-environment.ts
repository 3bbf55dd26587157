// The proxy that the environment names for a server: HTTPS_PROXY for wss:, HTTP_PROXY for ws:, ALL_PROXY for both, and
// NO_PROXY. Read at each attempt, since a process may change its environment.

import { BlockList, isIP } from 'node:net';
import process from 'node:process';
import type { DialTarget } from '../connect-target.ts';
import { isExempt } from './no-proxy.ts';
import { parseProxyAddress, type ProxyAddress } from './proxy-address.ts';

/** The variables of a process. */
export type Environment = Readonly<Record<string, string | undefined>>;

const ownAddresses = new BlockList();
ownAddresses.addSubnet('127.0.0.0', 8, 'ipv4');
ownAddresses.addAddress('0.0.0.0', 'ipv4');
ownAddresses.addAddress('::1', 'ipv6');
ownAddresses.addAddress('::', 'ipv6');

/**
 * Gives the proxy for a server; undefined when there is none, when NO_PROXY names the server, and always for this machine
 * and for unix sockets: a proxy would reach its own.
 * @throws FullduplexError `WS_OPTION_INVALID` naming the variable that makes no sense, without its password
 */
export function proxyFromEnvironment(
  target: DialTarget,
  environment: Environment = process.env,
): ProxyAddress | undefined {
  if (target.socketPath !== undefined || isOwnHost(target.host)) return undefined;
  const variable =
    firstSet(environment, target.isSecure ? ['https_proxy', 'HTTPS_PROXY'] : plainNames(environment)) ??
    firstSet(environment, ['all_proxy', 'ALL_PROXY']);
  if (variable === undefined) return undefined;
  const exempt = firstSet(environment, ['no_proxy', 'NO_PROXY']);
  if (exempt !== undefined && isExempt(exempt.value, target, sourceOf(exempt))) return undefined;
  // Often written without a scheme, which means http: to all who read it.
  const url = variable.value.includes('://') ? variable.value : `http://${variable.value}`;
  const address = parseProxyAddress({ url }, sourceOf(variable));
  // Who did not name a proxy wants to know who did.
  return { ...address, label: `${address.label} of ${variable.name}` };
}

interface Variable {
  readonly name: string;
  readonly value: string;
}

function sourceOf({ name }: Variable): string {
  return `environment variable ${name}`;
}

/** One that is empty counts as not set, as in curl. */
function firstSet(environment: Environment, names: readonly string[]): Variable | undefined {
  for (const name of names) {
    const value = environment[name]?.trim();
    if (value !== undefined && value !== '') return { name, value };
  }
  return undefined;
}

/**
 * httpoxy (CVE-2016-5385): a CGI program finds the header Proxy of a request in HTTP_PROXY, so that a stranger would name
 * our proxy. No header makes the name in lower case, except on Windows, where case does not count.
 */
function plainNames(environment: Environment): readonly string[] {
  if (environment['REQUEST_METHOD'] === undefined) return ['http_proxy', 'HTTP_PROXY'];
  return process.platform === 'win32' ? [] : ['http_proxy'];
}

function isOwnHost(host: string): boolean {
  const family = isIP(host);
  if (family !== 0) return ownAddresses.check(host, family === 4 ? 'ipv4' : 'ipv6');
  // RFC 6761 6.3: localhost and all names below it are this machine.
  return /(^|\.)localhost\.?$/i.test(host);
}
