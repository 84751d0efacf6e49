import { defineConfig } from 'vitest/config';

/** Runs against one real stack, file by file: some tests kill parts of it. Build first: roles run from dist/. */
export default defineConfig({
  test: {
    // ONNX Runtime reports to its maker unless it is told not to.
    env: { ORT_DISABLE_TELEMETRY: '1' },
    include: ['test/system/**/*.test.ts'],
    globalSetup: ['test/system/setup.ts'],
    fileParallelism: false,
    // Machines of CI stand still for seconds. What passes only at the second try is named at the end (test/secondTries.ts).
    retry: process.env['CI'] === undefined ? 0 : 1,
    // So many fail where the stack that they share is broken: what the first say is worth more than that all have their turn.
    bail: process.env['CI'] === undefined ? 0 : 8,
    testTimeout: 180_000,
    hookTimeout: 180_000,
    teardownTimeout: 120_000,
  },
});
