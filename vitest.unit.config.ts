import { defineConfig } from 'vitest/config';

/** Needs no server; answers within a minute. */
export default defineConfig({
  test: {
    // ONNX Runtime reports to its maker unless it is told not to.
    env: { ORT_DISABLE_TELEMETRY: '1' },
    include: ['test/unit/**/*.test.ts'],
    testTimeout: 20_000,
    hookTimeout: 20_000,
    restoreMocks: true,
  },
});
