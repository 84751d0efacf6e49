/** Runs `work` for each item, so many at a time, in order; the first error ends it. */
export async function forEachBounded<T>(
  items: readonly T[],
  atOnce: number,
  signal: AbortSignal,
  work: (item: T, index: number) => Promise<void>,
): Promise<void> {
  const entries = items.entries();
  const failed = new AbortController();
  const lane = async (): Promise<void> => {
    for (const [index, item] of entries) {
      if (failed.signal.aborted) return;
      signal.throwIfAborted();
      try {
        await work(item, index);
      } catch (error) {
        failed.abort();
        throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
}
