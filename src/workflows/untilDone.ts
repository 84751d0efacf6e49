import { ActivityFailure, isCancellation, sleep } from '@temporalio/workflow';

/**
 * For activities that write what became of images. However long the broker is away: a workflow that failed here would
 * leave them without a row, and not in Kafka either.
 */
export async function untilDone<T>(write: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await write();
    } catch (error) {
      if (isCancellation(error) || !(error instanceof ActivityFailure)) throw error;
    }
    await sleep('5 minutes');
  }
}
