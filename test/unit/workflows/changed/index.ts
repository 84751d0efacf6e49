import { sleep } from '@temporalio/workflow';
import type { BatchResult, DetectBatchInput } from '../../../../src/domain/index.js';
import { detectBatch as today } from '../../../../src/workflows/index.js';

export * from '../../../../src/workflows/index.js';

/** A careless change, for the test that proves the replay: it waits before it begins, which no recorded batch did. */
export async function detectBatch(input: DetectBatchInput): Promise<BatchResult> {
  await sleep(1000);
  return today(input);
}
