import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { runToEnd } from './command-stage.ts';

describe('fullduplex', () => {
  test('without a command prints its usage and ends with 1', async () => {
    expect(await runToEnd([])).toMatchObject({
      exitCode: 1,
      printed: '',
      complained: expect.stringMatching(/^Usage: fullduplex COMMAND/),
    });
  });

  test('with an unknown command says so and ends with 1', async () => {
    expect(await runToEnd(['ecco'])).toMatchObject({
      exitCode: 1,
      complained: expect.stringMatching(
        /^fullduplex: there is no command "ecco"\n\nUsage: fullduplex COMMAND/,
      ),
    });
  });

  test.each(['--help', '-h', 'help'])('%s prints the usage with every command', async (argument) => {
    const { exitCode, printed } = await runToEnd([argument]);
    expect(exitCode).toBe(0);
    for (const name of ['echo', 'connect URL']) expect(printed).toMatch(new RegExp(`^  ${name} `, 'm'));
  });

  test('--version prints the version of the package', async () => {
    const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
      version: string;
    };
    expect(await runToEnd(['--version'])).toMatchObject({ exitCode: 0, printed: `${manifest.version}\n` });
  });

  test.each(['demo', 'echo', 'connect'])('%s --help prints what docs/cli.md says', async (name) => {
    const { exitCode, printed } = await runToEnd([name, '--help']);
    expect(exitCode).toBe(0);
    expect(readFileSync(new URL('../../docs/cli.md', import.meta.url), 'utf8')).toContain(printed);
  });
});

describe('wrong usage ends with 1 and names what is wrong', () => {
  test.each<[string[], string]>([
    [['connect'], 'fullduplex connect: URL is missing, expected one such as ws://localhost:9001'],
    [['connect', 'ws://a', 'b'], 'fullduplex connect: there is "b" behind the URL, expected options only'],
    [['connect', 'ws://a', '--loud'], "fullduplex connect: Unknown option '--loud'"],
    [['connect', 'ws://a', '--origin'], "fullduplex connect: Option '--origin <value>' argument missing"],
    [['connect', 'ftp://a'], 'fullduplex connect: URL is "ftp://a/", expected ws://host/path'],
    [['connect', 'localhost:80'], 'fullduplex connect: URL is "localhost:80", expected ws://host/path'],
    [['connect', 'ws://a', '-H', 'x'], `fullduplex connect: --header is "x", expected 'NAME: VALUE'`],
    [['connect', 'ws://a', '-H', 'Host: x'], 'fullduplex connect: option headers has "Host"'],
    [['connect', 'ws://a', '--wait', 'long'], 'fullduplex connect: --wait is "long", expected seconds'],
    [
      ['connect', 'ws://a', '--timeout', '-1'],
      "fullduplex connect: Option '--timeout' argument is ambiguous",
    ],
    [
      ['connect', 'ws://a', '--timeout', '0'],
      'fullduplex connect: --timeout is "0", expected seconds from 0.001',
    ],
    [
      ['connect', 'ws://a', '--ca', '/no/file'],
      'fullduplex connect: --ca: ENOENT: no such file or directory',
    ],
    [['echo', 'x'], 'fullduplex echo: there is "x", expected options only'],
    [['echo', '--port', '65536'], 'fullduplex echo: --port is "65536", expected an integer from 0 to 65535'],
    [
      ['echo', '--max-message-bytes', '0'],
      'fullduplex echo: --max-message-bytes is "0", expected an integer from 1',
    ],
    [['echo', '--protocol', 'a b'], 'fullduplex echo: --protocol is "a b", expected a token'],
    [
      ['echo', '--tls-cert', 'x'],
      'fullduplex echo: only one of --tls-cert and --tls-key is given, expected both',
    ],
    [['echo', '--tls-cert', '/no', '--tls-key', '/no'], 'fullduplex echo: --tls-cert: ENOENT'],
  ])('%j', async (args, message) => {
    const { exitCode, printed, complained } = await runToEnd(args);
    expect(complained).toContain(message);
    expect(complained).toMatch(/^fullduplex \w+ --help says more$/m);
    expect([exitCode, printed]).toEqual([1, '']);
  });
});
