/** Longest that an answer takes; milliseconds. */
export const ANSWER_MS = 10_000;

/**
 * What `work` gives, or throws; throws `late` where it takes longer, and `gone` where `signal` aborts before. The work is
 * not stopped.
 */
export async function within<T>(
  { limitMs, signal }: { limitMs: number; signal: AbortSignal },
  work: () => Promise<T>,
  { late, gone }: { late: () => Error; gone: () => Error },
): Promise<T> {
  if (signal.aborted) throw gone();
  let timer: NodeJS.Timeout | undefined;
  let end = (): void => undefined;
  const limit = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(late()), limitMs);
    end = () => reject(gone());
    signal.addEventListener('abort', end, { once: true });
  });
  try {
    return await Promise.race([work(), limit]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', end);
  }
}
