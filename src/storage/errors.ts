/** What the storage API's failure means: no such thing, no right to it, too slow, or anything else. */
export type FailedAnswer = 'missing' | 'forbidden' | 'timeout' | 'failed';

/** Classifies what the client threw. The detail is for a person, without the query of a URL, at most 200 characters. */
export function answerOf(error: unknown): { answer: FailedAnswer; detail: string } {
  const message = error instanceof Error ? error.message : String(error);
  const detail = message.replaceAll(/\?[^\s"']*/g, '').slice(0, 200);
  const code = Number((error as { code?: unknown } | undefined)?.code);
  if (code === 404 || code === 410) return { answer: 'missing', detail };
  if (code === 401 || code === 403) return { answer: 'forbidden', detail };
  if (code === 408 || /timed? ?out/i.test(message)) return { answer: 'timeout', detail };
  return { answer: 'failed', detail };
}
