/** Longest that an answer takes; milliseconds. */
export const ANSWER_MS = 10_000;

/** What `work` gives, or throws; throws `late` where it takes longer. The work is not stopped. */
export async function within<T>(limitMs: number, work: Promise<T>, late: () => Error): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(late()), limitMs);
  });
  try {
    return await Promise.race([work, limit]);
  } finally {
    clearTimeout(timer);
  }
}
