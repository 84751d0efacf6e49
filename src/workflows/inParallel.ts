import { CancellationScope, isCancellation } from '@temporalio/workflow';

/**
 * Does work for each item, `most` at once. At the first failure the rest is cancelled, waited for, and the failure
 * thrown: nothing is at work any more when this ends.
 */
export async function inParallel<T>(
  items: readonly T[],
  most: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const queue = [...items];
  await CancellationScope.cancellable(async () => {
    const scope = CancellationScope.current();
    const lane = async (): Promise<void> => {
      try {
        for (let item = queue.shift(); item !== undefined; item = queue.shift()) await work(item);
      } catch (error) {
        queue.length = 0;
        scope.cancel();
        throw error;
      }
    };
    const ends = await Promise.allSettled(Array.from({ length: Math.min(most, items.length) }, lane));
    const failures = ends.flatMap((end): unknown[] => (end.status === 'rejected' ? [end.reason] : []));
    if (failures.length > 0) throw failures.find((failure) => !isCancellation(failure)) ?? failures[0];
  });
}
