// The judgement about growth is tested on curves that are known, and the measuring on the first points of the real ones.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hasCompiler, rowOf, runBench } from './run-bench.ts';
import { expectWellFormed } from './well-formed.ts';

interface Point {
  x: number;
  y: number;
}

interface FitModule {
  fitPowerLaw: (points: readonly Point[]) => { exponent: number; factor: number; worstFactor: number };
  bendsOf: (points: readonly Point[], leastFactor: number) => { x: number; factor: number }[];
}

interface Assessment {
  name: string;
  points: Point[];
  exponent?: number;
  tailExponent?: number;
  isLinearOrBetter?: boolean;
  bends: { x: number; factor: number }[];
}

interface AssessmentModule {
  assessCurve: (
    curve: { series: { name: string; linearExponent: number }[] },
    measured: { x: number; median: Record<string, number> }[],
  ) => Assessment[];
}

async function load<Module>(file: string): Promise<Module> {
  const module: Module = await import(new URL(`../../bench/growth/${file}`, import.meta.url).href);
  return module;
}

const decades = [1, 10, 100, 1000, 10_000];
const points = (y: (x: number) => number): Point[] => decades.map((x) => ({ x, y: y(x) }));

describe('the fit of a power law', () => {
  it('finds exponent and factor of a curve that is one', async () => {
    const { fitPowerLaw } = await load<FitModule>('fit.mjs');
    for (const exponent of [-0.5, 0, 0.37, 1, 2]) {
      const fit = fitPowerLaw(points((x) => 7 * x ** exponent));
      expect(fit.exponent).toBeCloseTo(exponent, 10);
      expect(fit.factor).toBeCloseTo(7, 8);
      expect(fit.worstFactor).toBeCloseTo(1, 8);
    }
  });

  it('weighs a point by its distance as a factor, and says how far off the worst one is', async () => {
    const { fitPowerLaw } = await load<FitModule>('fit.mjs');
    // Half and double cancel each other out, as they would not on linear axes.
    const fit = fitPowerLaw([1, 10, 100].map((x, index) => ({ x, y: index === 1 ? 8 : 1 })));
    expect(fit.exponent).toBeCloseTo(0, 10);
    expect(fit.factor).toBeCloseTo(2, 8);
    expect(fit.worstFactor).toBeCloseTo(4, 8);
  });

  it('refuses what has no exponent', async () => {
    const { fitPowerLaw } = await load<FitModule>('fit.mjs');
    expect(() => fitPowerLaw([{ x: 1, y: 1 }])).toThrow(RangeError);
    expect(() =>
      fitPowerLaw([
        { x: 2, y: 1 },
        { x: 2, y: 3 },
      ]),
    ).toThrow('different x');
    expect(() =>
      fitPowerLaw([
        { x: 1, y: 1 },
        { x: 2, y: 0 },
      ]),
    ).toThrow('above 0');
  });

  it('finds the point where a curve turns, and none on a straight one', async () => {
    const { bendsOf } = await load<FitModule>('fit.mjs');
    expect(
      bendsOf(
        points((x) => 3 * x ** 1.7),
        1.01,
      ),
    ).toEqual([]);
    const bends = bendsOf(
      points((x) => Math.max(100, x)),
      1.35,
    );
    expect(bends).toEqual([{ x: 100, factor: expect.closeTo(0.316, 3) }]);
  });
});

describe('the assessment of a curve', () => {
  const assess = async (linearExponent: number, y: (x: number) => number): Promise<Assessment> => {
    const { assessCurve } = await load<AssessmentModule>('assessment.mjs');
    const [assessment] = assessCurve(
      { series: [{ name: 'ours', linearExponent }] },
      decades.map((x) => ({ x, median: { ours: y(x) } })),
    );
    if (assessment === undefined) throw new Error('expected one series');
    return assessment;
  };

  it('calls a constant cost per piece linear, and one that grows with their number worse', async () => {
    expect(await assess(0, () => 5)).toMatchObject({ isLinearOrBetter: true, bends: [] });
    expect(await assess(0, (x) => x ** 0.5)).toMatchObject({ isLinearOrBetter: false });
    expect(await assess(0, (x) => x ** -0.5)).toMatchObject({ isLinearOrBetter: true });
  });

  it('judges by the upper end, where a quadratic part shows that the whole curve hides', async () => {
    const assessment = await assess(1, (x) => 1e5 + x ** 2);
    expect(assessment.exponent).toBeLessThan(1);
    expect(assessment.tailExponent).toBeGreaterThan(1.15);
    expect(assessment.isLinearOrBetter).toBe(false);
    expect(await assess(1, (x) => 1000 + x)).toMatchObject({ isLinearOrBetter: true });
  });

  it('leaves out points without a logarithm and does not judge what is left of one', async () => {
    expect((await assess(0, (x) => (x === 1 ? -3 : 5))).points).toHaveLength(4);
    const { isLinearOrBetter, exponent } = await assess(0, (x) => (x === 1 ? 5 : -1));
    expect(isLinearOrBetter).toBeUndefined();
    expect(exponent).toBeUndefined();
  });
});

describe.runIf(hasCompiler || process.env['CI'] === 'true')('npm run bench:growth', () => {
  let directory = '';
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'fullduplex-growth-'));
  });
  afterAll(() => rmSync(directory, { recursive: true }));

  it('measures every series of every curve and plots it', { timeout: 120_000 }, async () => {
    const file = join(directory, 'growth.json');
    const shortest = ['--rounds', '1', '--seconds', '0.05', '--warm-up', '0.05'];
    const { exitCode, stdout, stderr } = await runBench('growth/run.mjs', [
      ...shortest,
      '--most',
      '100',
      '--json',
      file,
      '--svg',
      directory,
    ]);
    expect(stderr).not.toContain('failed');
    expect(exitCode).toBe(0);
    const report: {
      curves: { curve: { name: string; series: { name: string }[] }; points: { median: object }[] }[];
    } = JSON.parse(readFileSync(file, 'utf8'));
    expect(report.curves.map(({ curve }) => curve.name)).toHaveLength(6);
    for (const { curve, points: measured } of report.curves) {
      const named = Object.fromEntries(curve.series.map(({ name }) => [name, expect.any(Number)]));
      for (const { median } of measured) expect(median, curve.name).toEqual(named);
    }
    expect(report.curves.map(({ points: measured }) => measured.length)).toEqual([1, 1, 2, 3, 0, 3]);
    expect(rowOf(stdout, '100')).toBeDefined();
    const plots = readdirSync(directory).filter((name) => name.endsWith('.svg'));
    expect(plots).toHaveLength(5);
    for (const plot of plots) expectWellFormed(readFileSync(join(directory, plot), 'utf8'));
  });

  it('refuses a curve that it does not know', async () => {
    expect(await runBench('growth/run.mjs', ['--curves', 'echo'])).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('echo-by-connections'),
    });
  });
});
