// The page about performance is written by a program from what was measured: the test has it written from short runs,
// and asks that the figures arrive, that what people wrote stays, and that the plots are well-formed.
import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hasCompiler, rowOf, runBench } from './run-bench.ts';
import { expectWellFormed } from './well-formed.ts';

const page = fileURLToPath(new URL('../../docs/performance.md', import.meta.url));

async function load<Module>(file: string): Promise<Module> {
  const module: Module = await import(new URL(`../../bench/report/${file}`, import.meta.url).href);
  return module;
}

interface MarkedTextModule {
  replaceMarked: (text: string, name: string, content: string) => string;
}

interface RatioPlotModule {
  ratioPlot: (plot: { title: string; rows: readonly object[] }) => string;
}

interface CurvePlotModule {
  curvePlot: (plot: { title: string; x: string; y: string; series: readonly object[] }) => string;
}

interface SvgModule {
  logScale: (
    domain: readonly [number, number],
    range: readonly [number, number],
    leastGap?: number,
  ) => { at: (value: number) => number; ticks: number[] };
}

describe('the marks in a page', () => {
  const text =
    'before\n<!-- measured: a -->\nold\n<!-- end of a -->\nafter <!-- measured: b --><!-- end of b -->\n';

  it('hold what is replaced, and everything else stays', async () => {
    const { replaceMarked } = await load<MarkedTextModule>('marked-text.mjs');
    const replaced = replaceMarked(text, 'a', '| $& | new |\n');
    expect(replaced).toBe(
      'before\n<!-- measured: a -->\n\n| $& | new |\n\n<!-- end of a -->\nafter <!-- measured: b --><!-- end of b -->\n',
    );
    expect(replaceMarked(replaced, 'a', '| $& | new |\n')).toBe(replaced);
  });

  it('have to be there once, in order', async () => {
    const { replaceMarked } = await load<MarkedTextModule>('marked-text.mjs');
    expect(() => replaceMarked(text, 'c', '')).toThrow('<!-- measured: c --> and then <!-- end of c -->');
    expect(() => replaceMarked(text + text, 'a', '')).toThrow('once each');
    expect(() => replaceMarked('<!-- end of a --><!-- measured: a -->', 'a', '')).toThrow('once each');
  });
});

describe('the plots', () => {
  const spread = (median: number) => ({ median, min: median * 0.9, max: median * 1.1 });

  it('are well-formed whatever the names and figures', async () => {
    const { ratioPlot } = await load<RatioPlotModule>('ratio-plot.mjs');
    const { curvePlot } = await load<CurvePlotModule>('curve-plot.mjs');
    const rows = [
      {
        label: 'a < b & "c" > d',
        measured: spread(12),
        goal: 14,
        isReached: false,
        peers: [{ name: '<x>', ratio: 0.01 }],
      },
      { label: 'none', measured: undefined, goal: 1, isReached: false, peers: [] },
      { label: 'one', measured: spread(1), goal: 1, isReached: true, peers: [] },
    ];
    expectWellFormed(ratioPlot({ title: 'A & B', rows }));
    const points = [1, 10, 1e5].map((x) => ({ x, y: 3 }));
    const series = [
      { name: 'flat & even', note: 'exponent 0', points },
      { name: 'a single point', note: '<none>', points: [{ x: 5, y: 0.001 }] },
    ];
    expectWellFormed(curvePlot({ title: '<t>', x: 'x', y: 'y', series }));
    expectWellFormed(curvePlot({ title: 't', x: 'x', y: 'y', series: series.slice(1) }));
    expect(() => ratioPlot({ title: 't', rows: [] })).toThrow(RangeError);
    expect(() => curvePlot({ title: 't', x: 'x', y: 'y', series: [] })).toThrow(RangeError);
  });

  it('put equal factors at equal distances, and round numbers on the axis', async () => {
    const { logScale } = await load<SvgModule>('svg.mjs');
    const { at, ticks } = logScale([1, 100], [0, 200]);
    expect([1, 10, 100].map(at)).toEqual([0, 100, 200]);
    expect(at(20) - at(10)).toBeCloseTo(at(2) - at(1), 10);
    expect(ticks).toEqual([1, 2, 5, 10, 20, 50, 100]);
    expect(logScale([1, 1e6], [0, 200]).ticks).toEqual([1, 10, 100, 1000, 10_000, 100_000, 1_000_000]);
  });
});

describe.runIf(hasCompiler || process.env['CI'] === 'true')(
  'npm run bench:report',
  { timeout: 120_000 },
  () => {
    let directory = '';
    let copy = '';
    const images = () => join(directory, 'images');
    beforeAll(async () => {
      directory = mkdtempSync(join(tmpdir(), 'fullduplex-report-'));
      copy = join(directory, 'performance.md');
      copyFileSync(page, copy);
      const shortest = ['--rounds', '2', '--seconds', '0.1', '--warm-up', '0.1'];
      const json = (name: string) => ['--json', join(directory, `${name}.json`)];
      // At the same time: no figure of theirs is looked at for its size.
      const runs = await Promise.all([
        runBench('run.mjs', [
          ...shortest,
          ...json('server'),
          '--only',
          '20 B binary d1',
          '--servers',
          'fullduplex,ws,net',
        ]),
        runBench('client/run.mjs', [
          ...shortest,
          ...json('client'),
          '--only',
          '20 B binary d32',
          '--clients',
          'fullduplex,ws',
        ]),
        runBench('memory/run.mjs', [
          ...json('memory'),
          '--connections',
          '50',
          '--states',
          'plain',
          '--servers',
          'fullduplex',
        ]),
        runBench('growth/run.mjs', [...shortest, ...json('growth'), '--curves', 'topics', '--most', '10']),
      ]);
      for (const { exitCode, stderr } of runs) expect(exitCode, stderr).toBe(0);
    }, 120_000);
    afterAll(() => rmSync(directory, { recursive: true }));

    const report = () =>
      runBench('report/run.mjs', ['--results', directory, '--docs', copy, '--images', images()]);
    const byHand = (text: string) =>
      text.replaceAll(/<!-- measured: ([^>]*) -->[^]*?<!-- end of \1 -->/g, '[$1]');

    it('writes what was measured and leaves what people wrote', async () => {
      const { exitCode, stderr } = await report();
      expect(stderr).toBe('');
      expect(exitCode).toBe(0);
      const written = readFileSync(copy, 'utf8');
      expect(byHand(written)).toBe(byHand(readFileSync(page, 'utf8')));

      const goal = rowOf(written, 'echo 20 B binary d1', 'CPU ratio, ws = 1.00');
      expect(goal?.[2]).toMatch(/^\d+\.\d\d \(\d+\.\d\d-\d+\.\d\d\)$/);
      expect(goal?.[3]).toMatch(/^>= \d/);
      expect(goal?.[5]).toMatch(/^(?:yes|\*\*no\*\*)$/);
      // What was not measured says so and does not count as reached.
      expect(rowOf(written, 'echo 1 KiB text d16')?.slice(2, 6)).toEqual([
        'none (fullduplex was not measured)',
        expect.any(String),
        expect.any(String),
        '**no**',
      ]);
      expect(rowOf(written, 'resident for an idle connection, plain')?.[2]).toMatch(/^-?\d+\.\d\d \(/);
      expect(rowOf(written, 'plain', 'fullduplex')).toBeDefined();
      expect(rowOf(written, 'client 20 B binary d32', 'fullduplex')).toBeDefined();
      expect(rowOf(written, 'subscribe')).toBeDefined();
      expect(written).toContain('- command: `npm run bench:client -- --rounds 2');
      // Where something was written to is no part of how it was measured.
      expect(written).not.toContain(directory);

      const plots = readdirSync(images());
      expect(plots.toSorted((a, b) => a.localeCompare(b))).toEqual([
        'growth-topics.svg',
        'performance-goals.svg',
      ]);
      for (const plot of plots) expectWellFormed(readFileSync(join(images(), plot), 'utf8'));

      await report();
      expect(readFileSync(copy, 'utf8')).toBe(written);
    });

    it('leaves the parts alone whose report is missing', async () => {
      await report();
      const before = readFileSync(copy, 'utf8');
      for (const name of ['server', 'client', 'memory'])
        rmSync(join(directory, `${name}.json`), { force: true });
      const growth = join(directory, 'growth.json');
      const changed = readFileSync(growth, 'utf8').replaceAll(/"date": "[\d-]+"/g, '"date": "1999-12-31"');
      writeFileSync(growth, changed);
      const { exitCode, stderr } = await report();
      expect(exitCode).toBe(0);
      expect(stderr).toContain('server.json is missing, its parts stay as they are');
      const expected = before.replace(/(?<=measured: growth -->[^]*?- date: )[\d-]+/, '1999-12-31');
      expect(readFileSync(copy, 'utf8')).toBe(expected);
    });
  },
);

describe('docs/performance.md', () => {
  it('shows only pictures that are there', () => {
    const text = readFileSync(page, 'utf8');
    for (const [, image = ''] of text.matchAll(/!\[[^\]]*\]\(([^)]+)\)/g)) {
      expect(existsSync(new URL(`../../docs/${image}`, import.meta.url)), image).toBe(true);
    }
  });
});
