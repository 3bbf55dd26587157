// The check has to fail where a figure is too low, name the cell with everything one needs to judge it, and pass where
// it is not; and the goals have to name figures that the benches measure.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hasCompiler, rowOf, runBench, serverFile } from './run-bench.ts';

interface Cell {
  bench: string;
  workload: string;
  contestant: string;
  reference?: string;
  atLeast?: number;
  atMost?: number;
  floor: number;
  noise: number;
  isShort: boolean;
}

interface Spread {
  median: number;
  min: number;
  max: number;
}

interface CellsModule {
  readGoals: (file?: string) => { cells: Cell[] };
  everyOtherCell: (goals: object) => Cell[];
  nameOf: (cell: Cell) => string;
  judge: (
    cell: Cell,
    outcome: { measured?: Spread; failure?: string },
    floorNoise: number,
  ) => { isReached: boolean; holdsFloor: boolean };
}

const cells: CellsModule = await import(new URL('../../bench/goals/cells.mjs', import.meta.url).href);

const cell: Cell = {
  bench: 'server',
  workload: 'echo 20 B binary d1',
  contestant: 'fullduplex',
  atLeast: 2,
  floor: 1.5,
  noise: 0.1,
  isShort: true,
};
const exactly = (median: number) => ({ measured: { median, min: median, max: median } });

describe('the judgement on a cell', () => {
  it('forgives a ratio that misses its goal by no more than the noise', () => {
    expect(cells.judge(cell, exactly(1.81), 0)).toMatchObject({ isReached: true, holdsFloor: true });
    expect(cells.judge(cell, exactly(1.79), 0)).toMatchObject({ isReached: false, holdsFloor: true });
    expect(cells.judge(cell, exactly(1.49), 0)).toMatchObject({ isReached: false, holdsFloor: false });
    expect(cells.judge(cell, exactly(1.49), 0.1)).toMatchObject({ isReached: false, holdsFloor: true });
  });

  it('turns around for memory, where less is better', () => {
    const memory: Cell = { ...cell, bench: 'memory', workload: 'plain', atMost: 4, floor: 6 };
    delete memory.atLeast;
    expect(cells.judge(memory, exactly(4.3), 0)).toMatchObject({ isReached: true, holdsFloor: true });
    expect(cells.judge(memory, exactly(4.5), 0)).toMatchObject({ isReached: false, holdsFloor: true });
    expect(cells.judge(memory, exactly(6.1), 0)).toMatchObject({ isReached: false, holdsFloor: false });
  });

  it('never passes what could not be measured', () => {
    expect(cells.judge(cell, { failure: 'gone' }, 1)).toMatchObject({ isReached: false, holdsFloor: false });
  });
});

describe('bench/goals.json', () => {
  it('names only figures that the benches measure', async () => {
    const goals = cells.readGoals();
    const every = [...goals.cells, ...cells.everyOtherCell(goals)];
    const [{ workloads }, { clientWorkloads }, { memoryStates }, servers, clients] = await Promise.all(
      ['workloads/all', 'client/workloads', 'memory/states', 'servers/catalogue', 'client/catalogue'].map(
        async (file) => {
          const module: Record<string, { name: string }[] & string[]> = await import(
            new URL(`../../bench/${file}.mjs`, import.meta.url).href
          );
          return module;
        },
      ),
    );
    const known: Record<string, { workloads?: { name: string }[]; contestants?: string[] }> = {
      server: { workloads, contestants: servers?.['serverNames'] },
      client: { workloads: clientWorkloads, contestants: clients?.['clientNames'] },
      memory: { workloads: memoryStates, contestants: servers?.['serverNames'] },
    };
    for (const { bench, workload, contestant, reference = 'ws' } of every) {
      expect(known[bench]?.workloads?.map(({ name }) => name)).toContain(workload);
      expect(known[bench]?.contestants).toContain(contestant);
      expect(known[bench]?.contestants).toContain(reference);
    }
    const names = every.map(cells.nameOf);
    expect(new Set(names).size).toBe(names.length);
    expect(goals.cells.filter(({ isShort }) => isShort).length).toBeGreaterThan(8);
    // Every workload with ws is held against it.
    for (const { name } of workloads ?? []) expect(names.some((one) => one.startsWith(name))).toBe(true);
  });

  it('is refused when a floor asks for more than the goal, or a goal has two directions', () => {
    const directory = mkdtempSync(join(tmpdir(), 'fullduplex-goals-'));
    const file = join(directory, 'goals.json');
    const read = (changes: Partial<Cell>) => {
      const goals = { shortNoise: 0, every: { atLeast: 1, noise: 0 }, cells: [{ ...cell, ...changes }] };
      writeFileSync(file, JSON.stringify(goals));
      return () => cells.readGoals(file);
    };
    expect(read({})).not.toThrow();
    expect(read({ floor: 2.1 })).toThrow('echo 20 B binary d1, fullduplex against ws: the floor 2.1');
    expect(read({ atMost: 4 })).toThrow('either atLeast or atMost');
    expect(read({ noise: 5 })).toThrow('noise is 5');
    rmSync(directory, { recursive: true });
  });
});

describe.runIf(hasCompiler || process.env['CI'] === 'true')(
  'npm run bench:check',
  { timeout: 90_000 },
  () => {
    let directory = '';
    let file = '';
    beforeAll(() => {
      directory = mkdtempSync(join(tmpdir(), 'fullduplex-check-'));
      file = join(directory, 'goals.json');
    });
    afterAll(() => rmSync(directory, { recursive: true }));

    const shortest = ['--seconds', '0.1', '--rounds', '1', '--warm-up', '0.1', '--connections', '50'];

    function check(goals: readonly Partial<Cell>[], ...options: string[]) {
      // Short, so that the goal of every other workload plays no part.
      const complete = { shortNoise: 0.1, every: { atLeast: 1, noise: 0 }, cells: goals };
      writeFileSync(file, JSON.stringify(complete));
      return runBench('check.mjs', [...shortest, '--goals', file, ...options]);
    }

    it('fails on a figure that is too low, and names cell, figure, limit and noise', async () => {
      const slow = { ...cell, contestant: serverFile('slow'), atLeast: 0.9, floor: 0.8 };
      const { exitCode, stdout } = await check([slow, { ...cell, atLeast: 0.02, floor: 0.01 }], '--short');
      expect(exitCode).toBe(1);
      expect(stdout).toMatch(
        /^missed: echo 20 B binary d1, slow against ws: measured 0\.\d\d, floor 0\.8, noise 10 %$/m,
      );
      expect(stdout.match(/^missed/gm)).toHaveLength(1);
      expect(rowOf(stdout, 'echo 20 B binary d1, slow against ws')?.[6]).toBe('no');
      expect(rowOf(stdout, 'echo 20 B binary d1, fullduplex against ws')?.[6]).toBe('yes');
    });

    it('holds the full form against the goal and the short form against the floor', async () => {
      const goals = [{ ...cell, atLeast: 1000, floor: 0.02 }];
      const only = ['--only', 'echo 20 B binary d1, fullduplex against ws'];
      const short = await check(goals, '--short', ...only);
      expect(short).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('all 1 hold') });
      const full = await check(goals, ...only);
      expect(full.exitCode).toBe(1);
      expect(full.stdout).toContain('goal >= 1000, noise 10 %');
    });

    it('fails on what cannot be measured, and goes on with the rest', async () => {
      const broken = {
        ...cell,
        bench: 'client',
        workload: 'client 20 B binary d1',
        contestant: './gone.mjs',
      };
      const { exitCode, stdout } = await check([broken, { ...cell, atLeast: 0.02, floor: 0.01 }], '--short');
      expect(exitCode).toBe(1);
      expect(stdout).toMatch(/^missed: client 20 B binary d1, gone against ws: not measured \(.*gone/m);
      expect(rowOf(stdout, 'echo 20 B binary d1, fullduplex against ws')?.[6]).toBe('yes');
    });

    it('measures clients and memory too, and writes floors for goals that are not reached', async () => {
      const client = { ...cell, bench: 'client', workload: 'client 20 B binary d1', atLeast: 1000, floor: 0 };
      const memory: Partial<Cell> = {
        ...cell,
        bench: 'memory',
        workload: 'plain',
        contestant: serverFile('hoarding'),
      };
      delete memory.atLeast;
      Object.assign(memory, { atMost: 1, floor: 1 });
      const { exitCode, stdout } = await check([client, memory], '--short', '--set-floors');
      expect(exitCode).toBe(1);
      expect(stdout).toMatch(/^missed: plain, hoarding: measured \d+\.\d\d, floor 1, noise 10 %$/m);
      const written: { cells: Cell[] } = JSON.parse(readFileSync(file, 'utf8'));
      expect(written.cells[0]?.floor).toBeGreaterThan(0.01);
      expect(written.cells[0]?.floor).toBeLessThan(100);
      // 25 KiB of heap and 50 KiB outside for every connection.
      expect(written.cells[1]?.floor).toBeGreaterThan(30);
    });
  },
);
