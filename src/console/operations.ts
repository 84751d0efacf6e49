import { z } from 'zod';
import type { TemporalClient } from '../client/index.js';
import type { Config } from '../config/index.js';
import { DEAD_LETTER_REASONS } from '../domain/index.js';
import {
  cursorOf,
  decisionReport,
  discardLetters,
  kindOf,
  LETTER_SOURCES,
  placeOf,
  readCursor,
  readImageName,
  replayLetters,
  retryNamed,
  whereIs,
  type LetterKind,
  type LetterOutcome,
} from '../operations/index.js';
import type { Logger } from '../telemetry/index.js';
import { decisionsOf, listLetters, recentImages, wholeLetters, type Warehouse } from '../warehouse/index.js';
import {
  batchesAnswer,
  decisionAnswer,
  flowAnswer,
  imageAnswer,
  lettersAnswer,
  recentAnswer,
  retryAnswer,
  wholeLetterAnswer,
} from './answers.js';
import { route, type ApiRoute } from './api.js';
import { FailedBatches } from './batches.js';
import { refuseOtherBuckets } from './buckets.js';
import { ConsoleError } from './errors.js';
import type { FlowWatch } from './flow.js';

export interface OperationsOptions {
  config: Config;
  log: Logger;
  warehouse: Warehouse;
  /** Throws where Temporal is away. */
  temporal: () => Promise<TemporalClient>;
  flow: Pick<FlowWatch, 'status' | 'samples'>;
  temporalUi: () => string | undefined;
}

const PAGE = 50;
const MOST_CHOSEN = 200;
/** Letters a second that are sent back. */
const REPLAY_RATE = 20;

const KINDS = Object.keys(LETTER_SOURCES) as [LetterKind, ...LetterKind[]];
const REASONS = Object.keys(DEAD_LETTER_REASONS);
const ids = z.array(z.string().min(1).max(500)).min(1).max(MOST_CHOSEN);
const why = z.string().trim().min(1, 'a reason that is worth reading').max(1_000);
const imageName = z.string().max(1_200).describe('gs://bucket/object, or gs://bucket/object#generation');

/** The operations of the console's API. */
export function consoleOperations(options: OperationsOptions): ApiRoute[] {
  return [...watching(options), ...batches(options), ...letters(options)];
}

function watching({ config, log, warehouse, flow, temporalUi }: OperationsOptions): ApiRoute[] {
  return [
    route({
      method: 'GET',
      path: '/api/flow',
      summary: 'The state of the stack, and of the last four hours',
      role: 'viewer',
      answer: flowAnswer,
      handle: async () => ({ status: await flow.status(), samples: [...flow.samples] }),
    }),
    route({
      method: 'GET',
      path: '/api/image',
      summary: 'Where an image is, and what was found in it',
      role: 'viewer',
      query: z.object({ name: imageName }),
      answer: imageAnswer,
      handle: async ({ query }) => {
        const name = readImageName(query.name);
        refuseOtherBuckets(name, config);
        return whereIs(name, { config, log, temporalUi: temporalUi() });
      },
    }),
    route({
      method: 'GET',
      path: '/api/images/recent',
      summary: 'The images that were stored last',
      role: 'viewer',
      answer: recentAnswer,
      handle: async () => ({ images: await recentImages(warehouse, PAGE) }),
    }),
  ];
}

function batches({ log, temporal, temporalUi }: OperationsOptions): ApiRoute[] {
  const failed = new FailedBatches({ temporal, temporalUi });
  return [
    route({
      method: 'GET',
      path: '/api/batches',
      summary: 'Batches that have failed, those that closed last first',
      role: 'viewer',
      answer: batchesAnswer,
      handle: () => failed.read(),
    }),
    route({
      method: 'POST',
      path: '/api/batches/retry',
      summary: 'Starts failed batches again: only what they miss runs',
      role: 'operator',
      body: z.object({ ids }),
      answer: retryAnswer,
      handle: async ({ body, person }) => {
        const { client } = await temporal();
        const outcomes = await retryNamed(client, body.ids).finally(() => failed.changed());
        const started = outcomes.filter(({ outcome }) => outcome === 'started').length;
        log.info({ who: person.name, asked: body.ids.length, started }, 'batches are started again');
        return { batches: outcomes };
      },
    }),
  ];
}

function letters({ config, log, warehouse }: OperationsOptions): ApiRoute[] {
  const decided = (outcomes: LetterOutcome[]) => {
    const { counts, letters: of } = decisionReport(outcomes, { dryRun: false, limit: MOST_CHOSEN + 1 });
    return { counts: { ...counts }, letters: of };
  };
  return [
    route({
      method: 'GET',
      path: '/api/letters',
      summary: 'A page of dead letters, the latest first',
      role: 'viewer',
      query: z.object({
        state: z.enum(['open', 'replayed', 'discarded']).default('open'),
        kind: z.enum(KINDS).optional(),
        reason: z.enum(REASONS as [string, ...string[]]).optional(),
        after: z.string().max(200).optional().describe('`next` of the page before'),
      }),
      answer: lettersAnswer,
      handle: async ({ query: { state, kind, reason, after } }) => {
        const place = after === undefined ? undefined : readCursor(after);
        if (after !== undefined && place === undefined) throw new ConsoleError(400, 'after: the end of no page');
        const filter = { state, ...(kind ? { source: LETTER_SOURCES[kind] } : {}), ...(reason ? { reason } : {}) };
        const found = await listLetters(warehouse, filter, { limit: PAGE + 1, after: place });
        const page = found.slice(0, PAGE).map((letter) => ({ kind: kindOf(letter.source), ...letter }));
        const last = page.at(-1);
        return { letters: page, next: last && found.length > PAGE ? cursorOf(placeOf(last)) : null };
      },
    }),
    route({
      method: 'GET',
      path: '/api/letters/:id',
      summary: 'A dead letter whole, and what was decided about it',
      role: 'viewer',
      params: z.object({ id: z.string().min(1).max(64) }),
      answer: wholeLetterAnswer,
      handle: async ({ params: { id } }) => {
        const [[letter], decisions] = await Promise.all([
          wholeLetters(warehouse, { ids: [id] }, { limit: 1 }),
          decisionsOf(warehouse, id),
        ]);
        if (letter === undefined) throw new ConsoleError(404, `There is no dead letter ${id}`);
        return { letter: { kind: kindOf(letter.source), ...letter }, decisions };
      },
    }),
    route({
      method: 'POST',
      path: '/api/letters/replay',
      summary: 'Sends dead letters back to where they came from',
      role: 'operator',
      body: z.object({ ids, why }),
      answer: decisionAnswer,
      handle: async ({ body, person }) =>
        decided(
          await replayLetters(
            { warehouse, config, log },
            { ids: [...new Set(body.ids)] },
            {
              ...{ who: person.name, why: body.why, limit: MOST_CHOSEN + 1, dryRun: false },
              ...{ perSecond: REPLAY_RATE, again: false },
            },
          ),
        ),
    }),
    route({
      method: 'POST',
      path: '/api/letters/discard',
      summary: 'Puts dead letters away: they are open no more',
      role: 'operator',
      body: z.object({ ids, why }),
      answer: decisionAnswer,
      handle: async ({ body, person }) =>
        decided(
          await discardLetters(
            warehouse,
            { ids: [...new Set(body.ids)] },
            { who: person.name, why: body.why, limit: MOST_CHOSEN + 1, dryRun: false },
          ),
        ),
    }),
  ];
}
