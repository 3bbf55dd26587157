// Shows that the conformance runner can fail: it is played against a tiny echo that is sound, and then against the same
// echo with one flaw at a time. Its output and exit code are held too, of a process as of the function behind it.

import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const runner = fileURLToPath(new URL('./run.mjs', import.meta.url));
const broken = fileURLToPath(new URL('./testees/broken.mjs', import.meta.url));
const timeoutMs = 60_000;
// Most of the time of a run is starting its processes, and waiting.
const atOnce = { concurrent: true };

interface Run {
  exitCode: number;
  lines: string[];
  errors: string;
}

interface CommandModule {
  runConformance: (args: readonly string[]) => Promise<{ exitCode: number; output: string; errors: string }>;
}

/** As a user starts it. */
function runProcess(...args: string[]): Promise<Run> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [runner, ...args], (_error, stdout, stderr) => {
      resolve({ exitCode: child.exitCode ?? -1, lines: stdout.trimEnd().split('\n'), errors: stderr });
    });
  });
}

/** The same without a process of its own for the runner; the testee has one in both. */
async function run(...args: string[]): Promise<Run> {
  const { runConformance }: CommandModule = await import(new URL('./command.mjs', import.meta.url).href);
  const { exitCode, output, errors } = await runConformance(args);
  return { exitCode, lines: output.split('\n'), errors };
}

function cases(...ids: string[]): string[] {
  return ids.flatMap((id) => ['--case', id]);
}

describe('the list of cases', atOnce, () => {
  test('has every case of sections 1 to 7, 9, 10, 12 and 13 and of our own, in the order of their numbers', async () => {
    const { lines: ids, exitCode } = await run('--list');
    const perGroup = new Map<string, number>();
    for (const id of ids) {
      const group = id.split('.').slice(0, -1).join('.');
      perGroup.set(group, (perGroup.get(group) ?? 0) + 1);
      // Within a group the numbers run from 1 without a gap.
      expect(id).toBe(`${group}.${perGroup.get(group)}`);
    }
    expect(exitCode).toBe(0);
    expect(Object.fromEntries(perGroup)).toEqual({
      '1.1': 8,
      '1.2': 8,
      '2': 11,
      '3': 7,
      '4.1': 5,
      '4.2': 5,
      '5': 20,
      '6.1': 3,
      '6.2': 4,
      '6.3': 2,
      '6.4': 4,
      '6.5': 5,
      '6.6': 11,
      '6.7': 4,
      '6.8': 2,
      '6.9': 4,
      '6.10': 3,
      '6.11': 5,
      '6.12': 8,
      '6.13': 5,
      '6.14': 10,
      '6.15': 1,
      '6.16': 3,
      '6.17': 5,
      '6.18': 5,
      '6.19': 5,
      '6.20': 7,
      '6.21': 8,
      '6.22': 34,
      '6.23': 7,
      '7.1': 6,
      '7.3': 6,
      '7.5': 1,
      '7.7': 13,
      '7.9': 9,
      '7.13': 2,
      '9.1': 6,
      '9.2': 6,
      '9.3': 9,
      '9.4': 9,
      '9.5': 6,
      '9.6': 6,
      '9.7': 6,
      '9.8': 6,
      '10.1': 1,
      '12.1': 18,
      '12.2': 18,
      '12.3': 18,
      '12.4': 18,
      '12.5': 18,
      '13.1': 18,
      '13.2': 18,
      '13.3': 18,
      '13.4': 18,
      '13.5': 18,
      '13.6': 18,
      '13.7': 18,
      '14.1': 10,
      '14.2': 25,
      '14.3': 18,
      '14.4': 3,
      '14.5': 8,
      '14.6': 5,
      '14.7': 15,
      '14.8': 45,
      '14.9': 11,
      '14.10': 7,
      '14.11': 60,
    });
    expect(ids.filter((id) => !id.startsWith('14.'))).toHaveLength(517);
  });

  test('keeps every case when it is shortened, and when it is as long as the list', async () => {
    const [whole, short, listed] = await Promise.all([
      run('--list'),
      run('--list', '--short'),
      run('--list', '--listed'),
    ]);
    expect(short.lines).toEqual(whole.lines);
    expect(listed.lines).toEqual(whole.lines);
  });

  test('can be narrowed to sections and single cases', async () => {
    const { lines } = await run('--list', '--section', '6.4', '--case', '1.1.8');
    expect(lines).toEqual(['1.1.8', '6.4.1', '6.4.2', '6.4.3', '6.4.4']);
  });
});

describe('npm run conformance', atOnce, () => {
  test.each([
    [0, broken, '1 passed, 0 failed', ''],
    [1, `${broken}?echo-as-binary`, '0 passed, 1 failed', ''],
    [2, './nowhere.mjs', '', 'does not start as a client'],
  ] satisfies [number, string, string, string][])(
    'ends with %i and prints what the function behind it says',
    async (code, testee, verdict, error) => {
      const args = ['--testee', testee, '--role', 'client', '--case', '1.1.2'];
      const { exitCode, lines, errors } = await runProcess(...args);
      expect(exitCode).toBe(code);
      expect(lines.at(-1)).toBe(verdict);
      expect(errors).toContain(error);
    },
    timeoutMs,
  );
});

describe('arguments', atOnce, () => {
  test.each([
    [['--section', '8'], 'no case has this section or id'],
    [['--role', 'proxy'], '--role must be server or client'],
    [['--deadline-ms', 'soon'], '--deadline-ms must be a whole number'],
    [['--strict'], "Unknown option '--strict'"],
    [['--short', '--listed'], '--short and --listed exclude each other'],
    [['--fallback', '--testee', 'ws'], '--fallback is for the testee fullduplex'],
    [['--testee', './nowhere.mjs', '--case', '1.1.1'], 'does not start as a server'],
  ])('%j end with exit code 2 and say what is wrong', async (args, message) => {
    const { exitCode, errors } = await run(...args);
    expect(exitCode).toBe(2);
    expect(errors).toContain(message);
  });
});

describe('verdicts', atOnce, () => {
  test(
    'a sound echo passes as a server and as a client',
    async () => {
      const chosen = cases(
        '1.1.1',
        '1.1.8',
        '2.2',
        '2.10',
        '3.2',
        '5.19',
        '6.3.1',
        '6.4.1',
        '6.4.2',
        '6.4.3',
        '6.4.4',
        '7.1.1',
        '7.7.2',
        '9.3.5',
        '12.1.4',
        '12.4.14',
        '13.2.1',
        '13.5.12',
        '14.1.4',
        '14.2.3',
        '14.3.10',
        '14.3.18',
        '14.5.1',
        '14.5.8',
      );
      const { exitCode, lines } = await run('--testee', broken, '--short', ...chosen);
      expect(lines.at(-1)).toBe('48 passed, 0 failed');
      expect(lines.filter((line) => /^[0-9.]+ .* passed +passed$/.test(line))).toHaveLength(24);
      expect(exitCode).toBe(0);
    },
    timeoutMs,
  );

  test(
    'a sound handshake passes where a role has cases of its own',
    async () => {
      const chosen = cases('14.7.6', '14.8.10', '14.10.6', '14.11.9', '14.11.50');
      const { lines } = await run('--testee', broken, ...chosen);
      expect(lines.at(-1)).toBe('5 passed, 0 failed');
      expect(lines.filter((line) => /^14.* (passed +-|- +passed)$/.test(line))).toHaveLength(5);
    },
    timeoutMs,
  );

  test(
    'pings of the testee are answered, and are not taken for a fault',
    async () => {
      const { lines } = await run(
        '--testee',
        `${broken}?keeps-alive`,
        '--short',
        ...cases('1.1.1', '9.7.1', '13.2.2'),
      );
      expect(lines.at(-1)).toBe('6 passed, 0 failed');
    },
    timeoutMs,
  );

  const silent = ['--deadline-ms', '500'];
  test.each([
    ['utf8-unchecked', 'server', '6.3.1', 'expected nothing more, saw text of 20 bytes', []],
    [
      'utf8-late',
      'server',
      '6.4.1',
      'expected the failure right after byte 15, before the last frame, saw nothing',
      silent,
    ],
    [
      'utf8-late',
      'client',
      '6.4.4',
      'expected the failure right after byte 13, before the last chop, saw nothing',
      silent,
    ],
    ['close-unanswered', 'client', '7.1.1', 'expected Close 1000, saw nothing', silent],
    ['close-dropped', 'server', '7.9.1', 'expected Close 1002, saw no Close, only the end of TCP', []],
    ['close-always-1000', 'server', '7.7.2', 'expected Close 1001, saw Close 1000', []],
    ['close-always-1000', 'client', '3.1', 'expected Close 1002, saw Close 1000', []],
    ['send-after-close', 'server', '7.3.3', 'a text frame after its Close (5.5.1)', []],
    ['tcp-left-open', 'server', '7.3.3', 'expected the end of TCP, saw nothing', silent],
    ['client-ends-first', 'client', '7.3.3', 'the client ended TCP first', []],
    ['reset', 'server', '3.1', 'expected an orderly end of TCP (FIN), saw', []],
    ['mask-reversed', 'server', '1.1.1', 'a masked frame from a server (5.1)', []],
    ['mask-reversed', 'client', '1.1.1', 'an unmasked frame from a client (5.1)', []],
    ['rsv-ignored', 'server', '3.1', 'expected nothing more, saw text', []],
    ['pong-empty', 'client', '2.2', 'expected pong of 13 bytes', []],
    ['echo-altered', 'server', '9.1.1', 'different from byte 32768 on', []],
    ['echo-as-binary', 'client', '1.1.2', 'expected text of 125 bytes', []],
    ['echo-twice', 'server', '6.2.1', 'expected nothing more, saw text', []],
    ['echo-altered', 'client', '12.3.4', 'different from byte 512 on', ['--short']],
    ['never-deflates', 'server', '13.1.1', 'to come compressed, it came plain', ['--short']],
    ['rsv-on-continuation', 'client', '13.1.6', 'RSV1 on a continuation (RFC 7692 6)', ['--short']],
    ['rsv-on-pong', 'server', '14.2.22', 'RSV1 on a control frame (RFC 7692 6.1)', []],
    ['rsv-ignored', 'client', '14.1.4', 'expected nothing more, saw text of 13 bytes', []],
    ['takeover-kept', 'server', '13.2.3', 'invalid distance too far back', ['--short']],
    ['window-ignored', 'client', '14.5.2', 'a reference 513 bytes back in a window of 512', []],
    ['deflate-cut', 'server', '13.1.1', 'DEFLATE data that breaks off', ['--short']],
    ['corrupt-taken', 'client', '14.3.1', 'expected nothing more, saw text of 1 bytes', []],
    ['answer-incomplete', 'server', '13.2.1', 'the answer "permessage-deflate" fits no offer', ['--short']],
    ['answer-too-large', 'server', '14.5.3', 'server_max_window_bits=15" fits no offer', []],
    ['answer-unasked', 'server', '14.7.1', 'client_max_window_bits=12" fits no offer', []],
    ['offer-unchecked', 'server', '14.8.10', 'which must not be agreed on', []],
    ['offer-wrong', 'client', '13.1.1', 'the client offers server_max_window_bits with the value (none)', []],
    ['answer-unchecked', 'client', '14.11.9', 'expected a failed handshake, saw text', []],
  ])(
    'the flaw %s as a %s fails %s',
    async (flaw, role, id, finding, options) => {
      const { exitCode, lines } = await run(
        '--testee',
        `${broken}?${flaw}`,
        '--role',
        role,
        '--case',
        id,
        ...options,
      );
      expect(lines.at(-1)).toBe('0 passed, 1 failed');
      expect(lines.find((line) => line.startsWith(`${id} ${role}: `))).toContain(finding);
      expect(lines.find((line) => line.startsWith(`${id}  `))).toMatch(/ FAILED$/);
      expect(exitCode).toBe(1);
    },
    timeoutMs,
  );

  test(
    'our own server and client are played as they are and with their fallbacks, or in one of both forms',
    async () => {
      const [both, fast, fallback] = await Promise.all(
        [[], ['--fast'], ['--fallback']].map((form) => run(...form, '--case', '13.2.2', '--short')),
      );
      expect(both?.lines[0]).toMatch(/ server  client  server fallback  client fallback$/);
      expect(both?.lines.at(-1)).toBe('4 passed, 0 failed');
      expect(fast?.lines[0]).toMatch(/ server  client$/);
      expect(fallback?.lines[0]).toMatch(/ server fallback  client fallback$/);
    },
    timeoutMs,
  );

  test.each(['server', 'client'])(
    'a %s that crashes fails the case that it was in, and is started again for the next one',
    async (role) => {
      const { lines } = await run(
        '--testee',
        `${broken}?crash-on-binary`,
        '--role',
        role,
        ...cases('9.2.1', '9.7.1'),
      );
      expect(lines.at(-1)).toBe('1 passed, 1 failed');
      expect(lines.find((line) => line.startsWith(`9.2.1 ${role}: `))).toContain(
        'expected binary of 65536 bytes',
      );
    },
    timeoutMs,
  );

  test(
    'a testee without any reaction is not waited for case by case',
    async () => {
      const { lines } = await run(
        '--testee',
        `${broken}?close-unanswered`,
        '--role',
        'server',
        '--section',
        '6',
        '--deadline-ms',
        '100',
      );
      expect(lines.at(-1)).toBe('0 passed, 145 failed');
      expect(lines.find((line) => line.startsWith('6.23.7 server: '))).toContain('not played');
    },
    timeoutMs,
  );
});
