/** What the console answered instead, as a sentence. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

const LIMIT_MS = 30_000;

/** Asks the console's API; with a body it posts. Throws Refused. */
export async function request<T>(path: string, body?: unknown): Promise<T> {
  const response = await fetch(path, {
    method: body === undefined ? 'GET' : 'POST',
    headers: {
      // Pages of other sites can't send it.
      'x-penstock-console': '1',
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(LIMIT_MS),
  }).catch((error: unknown) => {
    throw new Refused(0, `the console does not answer: ${error instanceof Error ? error.message : String(error)}`);
  });
  const answer = (await response.json().catch(() => ({}))) as { error?: string };
  if (!response.ok) throw new Refused(response.status, answer.error ?? `the console answered ${response.status}`);
  return answer as T;
}
