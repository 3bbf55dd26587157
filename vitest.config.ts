import { defineConfig } from 'vitest/config';

// `--mode poison` overwrites recycled memory (src/base/poison.ts), in the tests and in the processes that they start.
export default defineConfig(({ mode }) => ({
  test: {
    include: ['test/**/*.test.ts'],
    setupFiles: ['test/poison-setup.ts'],
    env: mode === 'poison' ? { FULLDUPLEX_POISON: '1' } : {},
    testTimeout: 20_000,
    // What is waited for comes when it comes: on a busy machine that is late.
    expect: { poll: { timeout: 15_000 } },
    // Most tests wait for other processes: one worker for each processor, where the default is one less.
    maxWorkers: '100%',
    coverage: { provider: 'v8', include: ['src/**/*.ts'], reporter: ['json'] },
  },
}));
