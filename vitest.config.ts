import { defineConfig } from 'vitest/config';

// `--mode poison` overwrites recycled memory (src/base/poison.ts), in the tests and in the processes that they start.
export default defineConfig(({ mode }) => ({
  test: {
    include: ['test/**/*.test.ts'],
    setupFiles: ['test/poison-setup.ts'],
    env: mode === 'poison' ? { FULLDUPLEX_POISON: '1' } : {},
    testTimeout: 20_000,
    coverage: { provider: 'v8', include: ['src/**/*.ts'], reporter: ['json'] },
  },
}));
