import { reasonOf } from '../telemetry/index.js';
import type { RoleContext } from './role.js';

/** A server that a role uses, and whether it answers. */
export interface WatchedServer {
  /** `Kafka is away: <why>` while it does not answer; else empty. */
  problems(): string[];
  stop(): void;
}

const ASK_EVERY_MS = 3_000;
/** Bound on one question; milliseconds. */
const ANSWER_MS = 2_500;
/** After one that was not answered it is asked again so soon. One alone may be a pause of this process. */
const AGAIN_MS = 500;
const MISSES = 2;
/** Longest text of an error in a sentence. */
const WHY_CHARACTERS = 200;

/**
 * Asks a server every few seconds, one question at a time. It counts as away when two questions in a row failed or were
 * not answered in time, and as back with the first answer. `ask` must end within the time that it is given; where it
 * does not, the next question waits for it.
 */
export function watchServer(
  server: string,
  ask: (timeoutMs: number) => Promise<unknown>,
  { everyMs = ASK_EVERY_MS, answerMs = ANSWER_MS, againMs = AGAIN_MS } = {},
): WatchedServer {
  let why: string | undefined;
  let misses = 0;
  let isStopped = false;
  let timer: NodeJS.Timeout | undefined;
  const miss = (reason: string): void => {
    misses += 1;
    if (misses >= MISSES) why = reason;
  };
  const look = async (): Promise<void> => {
    const before = misses;
    const late = setTimeout(() => miss(`no answer within ${answerMs / 1000} s`), answerMs);
    try {
      await ask(answerMs);
      misses = 0;
      why = undefined;
    } catch (error) {
      if (misses === before) miss(sentenceOf(error));
    } finally {
      clearTimeout(late);
    }
    if (isStopped) return;
    timer = setTimeout(() => void look(), misses === 0 ? everyMs : againMs);
    timer.unref();
  };
  void look();
  return {
    problems: () => (why === undefined ? [] : [`${server} is away: ${why}`]),
    stop: () => {
      isStopped = true;
      clearTimeout(timer);
    },
  };
}

const WATCH_EVERY_MS = 500;
/** What is said changes its words now and then; it is logged at most so often. */
const SAY_EVERY_MS = 5_000;

/**
 * Keeps `waits[name]` at what `problems` says, for `/readyz`, and logs it when it changes: one line when it begins, one
 * when it ends, and between them one in five seconds at most. Returns what ends the watch.
 */
export function watchProblems(
  { waits, log }: Pick<RoleContext, 'waits' | 'log'>,
  name: string,
  problems: () => readonly string[],
): () => void {
  let said = '';
  let saidAtMs = -Infinity;
  const look = (): void => {
    const sentence = [...new Set(problems())].join('; ');
    if (sentence === '') waits.delete(name);
    else waits.set(name, sentence);
    if (sentence === said) return;
    const now = performance.now();
    if (said !== '' && sentence !== '' && now - saidAtMs < SAY_EVERY_MS) return;
    if (sentence === '') log.info({ waitsFor: name }, 'waits no longer');
    else log.warn({ waitsFor: name }, sentence);
    said = sentence;
    saidAtMs = now;
  };
  look();
  const timer = setInterval(look, WATCH_EVERY_MS);
  timer.unref();
  return () => clearInterval(timer);
}

function sentenceOf(error: unknown): string {
  return reasonOf(error).replaceAll(/\s+/g, ' ').slice(0, WHY_CHARACTERS);
}
