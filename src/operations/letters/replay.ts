import type { Config } from '../../config/index.js';
import { HELD_LANE, IMAGE_RESULTS_TOPIC, imageEventsTopic } from '../../domain/index.js';
import { createReadAgain } from '../../intake/index.js';
import { openRouting } from '../../routing/index.js';
import { readRow } from '../../sink/index.js';
import { createProducer, type StreamProducer } from '../../stream/index.js';
import { reasonOf, type Logger } from '../../telemetry/index.js';
import { recordDecisions, type DeadLetterDecision, type Warehouse, type WholeLetter } from '../../warehouse/index.js';
import { OperationError } from '../errors.js';
import { createPace } from '../pace.js';
import { chosenLetters, type Choice } from './chosen.js';
import { decision, INSERT_MS, type DecisionOptions } from './discard.js';
import { notFound, type LetterOutcome } from './report.js';
import { wayBack, type WayBack } from './wayBack.js';

export interface ReplayOptions extends DecisionOptions {
  /** Most letters a second. */
  perSecond: number;
  /** Also those of the ids that were replayed or discarded. */
  again: boolean;
}

interface Replay extends Omit<ReplayOptions, 'perSecond' | 'limit'> {
  warehouse: Warehouse;
  producer: Pick<StreamProducer, 'send'>;
  way: (letter: WholeLetter) => WayBack;
  /** Resolves when the next letter may be sent. */
  pace: () => Promise<void>;
}

/**
 * Sends letters back to where they came from. Throws OperationError where Kafka does not take one: those before it are
 * sent and recorded.
 */
export async function replayLetters(
  { warehouse, config, log }: { warehouse: Warehouse; config: Config; log: Logger },
  choice: Choice,
  { perSecond, limit, ...options }: ReplayOptions,
): Promise<LetterOutcome[]> {
  return withWay(config, log, async (producer, way) => {
    const run = { warehouse, producer, way, pace: createPace(perSecond), ...options };
    const outcomes: LetterOutcome[] = [];
    for await (const page of chosenLetters(warehouse, choice, limit)) outcomes.push(...(await replayPage(run, page)));
    return 'ids' in choice ? [...outcomes, ...notFound(choice.ids, outcomes)] : outcomes;
  });
}

async function withWay<T>(
  config: Config,
  log: Logger,
  work: (producer: StreamProducer, way: Replay['way']) => Promise<T>,
): Promise<T> {
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
      if (outcome.outcome === 'replayed') sent.push(decision(letter, run, 'replayed'));
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
      throw new OperationError(`Kafka: ${reasonOf(error)}`);
    });
  return { id, outcome: 'replayed', to, why: null };
}
