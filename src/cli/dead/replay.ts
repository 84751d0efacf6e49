import type { Config } from '../../config/index.js';
import { HELD_LANE, IMAGE_RESULTS_TOPIC, imageEventsTopic } from '../../domain/index.js';
import { createReadAgain } from '../../intake/index.js';
import { openRouting } from '../../routing/index.js';
import { readRow } from '../../sink/index.js';
import { createProducer, type StreamProducer } from '../../stream/index.js';
import { createLogger, reasonOf } from '../../telemetry/index.js';
import { recordDecisions, type DeadLetterDecision, type Warehouse, type WholeLetter } from '../../warehouse/index.js';
import { createPace } from '../pace.js';
import { EXIT, UsageError, VerbError } from '../verb.js';
import { chosenLetters, limitOf, readChoice, type Choice } from './chosen.js';
import { decision, INSERT_MS } from './discard.js';
import { readCount, readFilter } from './filter.js';
import type { ReplayFlags } from './index.js';
import { decisionReport, isWhole, notFound, type LetterOutcome } from './report.js';
import { decisionText } from './text.js';
import { wayBack, type WayBack } from './wayBack.js';
import { withLetters } from './withLetters.js';

const BY_DEFAULT = 'by penstock dead replay';

interface Replay {
  warehouse: Warehouse;
  producer: Pick<StreamProducer, 'send'>;
  way: (letter: WholeLetter) => WayBack;
  /** Resolves when the next letter may be sent. */
  pace: () => Promise<void>;
  why: string;
  dryRun: boolean;
  again: boolean;
}

/** Sends letters back to where they came from and returns the exit code. */
export async function replay(ids: readonly string[], flags: ReplayFlags): Promise<number> {
  const choice = readChoice(ids, readFilter(flags, Date.now()));
  if (flags.again && !('ids' in choice)) throw new UsageError('--again: only for letters that are named by their ids');
  const limit = limitOf(choice, flags.limit);
  const rate = readCount('--rate', flags.rate, 1_000);
  const dryRun = flags.dryRun === true;
  const letters = await withLetters(flags, (warehouse, config) =>
    withWay(config, async (producer, way) => {
      const all = { warehouse, producer, way, pace: createPace(rate), dryRun };
      return replayChosen({ ...all, why: flags.why ?? BY_DEFAULT, again: flags.again === true }, choice, limit);
    }),
  );
  const report = decisionReport(letters, { dryRun, limit });
  process.stdout.write(flags.json ? `${JSON.stringify(report, undefined, 2)}\n` : decisionText(report));
  return isWhole(report) ? EXIT.ok : EXIT.failed;
}

async function withWay<T>(
  config: Config,
  work: (producer: StreamProducer, way: Replay['way']) => Promise<T>,
): Promise<T> {
  const log = createLogger('dead', 'silent');
  const routing = await openRouting(config, log);
  const producer = await createProducer({ config, log });
  const readAgain = createReadAgain(config, routing.route);
  const lanes = [...config.PENSTOCK_LANES, HELD_LANE].map(imageEventsTopic);
  const topics = new Set([...lanes, IMAGE_RESULTS_TOPIC]);
  const retentionDays = config.PENSTOCK_RETENTION_DAYS;
  try {
    return await work(producer, (letter) =>
      wayBack(letter, { topics, readAgain, readRow, retentionDays, nowMs: Date.now() }),
    );
  } finally {
    routing.close();
    await producer.close();
  }
}

async function replayChosen(run: Replay, choice: Choice, limit: number): Promise<LetterOutcome[]> {
  const outcomes: LetterOutcome[] = [];
  for await (const page of chosenLetters(run.warehouse, choice, limit)) outcomes.push(...(await replayPage(run, page)));
  return 'ids' in choice ? [...outcomes, ...notFound(choice.ids, outcomes)] : outcomes;
}

/**
 * Sends first and records after: who dies in between leaves letters open that are sent once more, which changes no number.
 */
async function replayPage(run: Replay, page: readonly WholeLetter[]): Promise<LetterOutcome[]> {
  const sent: DeadLetterDecision[] = [];
  const outcomes: LetterOutcome[] = [];
  try {
    for (const letter of page) {
      const outcome = await replayOne(run, letter);
      outcomes.push(outcome);
      if (outcome.outcome === 'replayed') sent.push({ ...decision(letter, run.why), decision: 'replayed' });
    }
  } finally {
    await recordDecisions(run.warehouse, sent, INSERT_MS);
  }
  return outcomes;
}

async function replayOne(run: Replay, letter: WholeLetter): Promise<LetterOutcome> {
  const { id, state } = letter;
  if (state !== 'open' && !run.again) return { id, outcome: 'not_open', to: [], why: `already ${state}` };
  const way = run.way(letter);
  if (way.kind !== 'records') return { id, outcome: way.kind, to: [], why: way.why };
  const to = [...new Set(way.records.map(({ topic }) => topic))];
  if (run.dryRun) return { id, outcome: 'chosen', to, why: null };
  await run.pace();
  for (const { topic, ...record } of way.records)
    await run.producer.send(topic, [record]).catch((error: unknown) => {
      throw new VerbError(`Kafka: ${reasonOf(error)}`);
    });
  return { id, outcome: 'replayed', to, why: null };
}
