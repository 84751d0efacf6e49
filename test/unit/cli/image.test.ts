import { describe, expect, it } from 'vitest';
import { exitCode } from '../../../src/cli/image/image.js';
import type { CapacityState } from '../../../src/domain/index.js';
import { decide, type ImageFacts, type Surroundings } from '../../../src/operations/image/decide.js';
import { quoted, readImageName } from '../../../src/operations/image/name.js';
import { neverReceived, type NeverReceivedFacts } from '../../../src/operations/image/neverReceived.js';
import type { ResultRow, UploadRow } from '../../../src/warehouse/index.js';

const NOW = Date.parse('2026-01-31T12:00:00Z');
const before = (seconds: number): string => new Date(NOW - seconds * 1000).toISOString();

const upload: UploadRow = {
  ...{ generation: '7', model: 'shapes', lane: 'bulk', topic: 'penstock.image-events.bulk', partition: 3 },
  ...{ record_offset: '120', event_id: 'e', source_id: '', content_type: 'image/jpeg', size_bytes: '3' },
  ...{ uploaded_at: before(301), received_at: before(300), deadline_at: null, stored_at: before(299) },
};
const result: ResultRow = {
  ...{ generation: '7', model: 'shapes@abc', status: 'detected', reason: '', detail: '', width: 4, height: 3 },
  ...{ boxes: [['ring', 0.9, 0, 0, 2, 2]], attempts: 1, workflow_id: 'detect/t/3/100-x', run_id: 'r' },
  ...{ uploaded_at: before(301), received_at: before(300), detected_at: before(200), stored_at: before(199) },
};
const gone: ResultRow = { ...result, status: 'dead', reason: 'FORBIDDEN', detail: '403', boxes: [] };
const waiting = { place: 'waiting', aheadInPartition: 20, aheadInLane: 119, readers: 1 } as const;
const taken = { place: 'taken', aheadInPartition: 0, aheadInLane: null, readers: 1 } as const;
const batch = {
  ...{ workflowId: 'detect/t/3/100-x', runId: 'r', status: 'RUNNING', startedAt: new Date(NOW - 60_000) },
  ...{ closedAt: null, pending: null },
};
const none = { found: undefined, image: null };

function facts(change: Partial<ImageFacts> = {}): ImageFacts {
  const image = { bucket: 'b', object: "it's.jpg", generation: '7' };
  return { image, upload, results: [], record: taken, batch: none, ...change };
}

function capacity(change: Partial<CapacityState> = {}, stopped: string | null = null) {
  const budget: CapacityState['budget'] = {
    ...{ imagesPerDay: null, moneyPerDay: null, pricePerDetectorHour: null, currency: 'EUR', timeZone: 'UTC' },
    ...{ expressBeyond: false, from: 'configuration', day: '2026-03-29', dayEndsAtMs: NOW + 3_600_000, used: 0 },
    ...{ committed: 0, left: null, spent: 0, pricePerImage: null, exhausted: false },
  };
  const bulk = { lane: 'bulk', weight: 1, express: false, leased: 64, open: 1, stopped };
  return { window: { places: 80, lanes: [bulk], holders: [] }, paused: null, budget, ...change };
}

const around: Surroundings = {
  ...{ nowMs: NOW, imagesPerSecond: 2, openBatches: { bulk: 1 }, capacity: capacity(), resultsWaiting: 0 },
  held: () => 'held: 9 of 10 failed with FORBIDDEN',
};

describe('where a picture is', () => {
  it('waits in Kafka: since when, behind how many, why, and for how long', () => {
    const { state, sentence } = decide(facts({ record: waiting }), { ...around, openBatches: { bulk: 64 } });
    expect(state).toBe('waiting');
    for (const part of ['5 min 0 s', '119 ahead', '20 in its partition', 'expected in 1 min 0 s', 'window is full'])
      expect(sentence).toContain(part);
    expect(decide(facts({ record: { ...waiting, readers: 0 } }), around).advice).toContain('start a dispatcher');
  });

  it('waits because dispatch is paused, or the budget of the day is used up: by whom, why, until when', () => {
    const paused = { who: 'ana', why: 'new model', sinceMs: NOW - 60_000 };
    const sentenceOf = (state: Surroundings['capacity']): string =>
      decide(facts({ record: waiting }), { ...around, capacity: state }).sentence;
    expect(sentenceOf(capacity({ paused }, 'paused'))).toContain(
      `Dispatch was paused at ${new Date(NOW - 60_000).toISOString()} by ana: new model.`,
    );
    const { budget } = capacity();
    expect(sentenceOf(capacity({ budget: { ...budget, exhausted: true } }, 'used up'))).toContain(
      `The budget of 2026-03-29 is used up; the next day begins at ${new Date(NOW + 3_600_000).toISOString()}.`,
    );
    expect(sentenceOf(capacity())).toContain('has room');
    expect(sentenceOf(null)).toContain('could not be asked');
  });

  it('says unknown where nothing was stored lately, and not when it was', () => {
    const { sentence } = decide(facts({ record: waiting }), { ...around, imagesPerSecond: 0 });
    expect(sentence).toContain('expected in an unknown time');
  });

  it('is held with the sentence of its breaker, and goes back to its lane after that', () => {
    const held = { ...upload, topic: 'penstock.image-events.held' };
    expect(decide(facts({ upload: held, record: waiting }), around)).toMatchObject({
      state: 'held',
      sentence: 'held: 9 of 10 failed with FORBIDDEN',
    });
    expect(decide(facts({ upload: held }), around)).toMatchObject({ state: 'waiting' });
  });

  it.each([
    ['running', { found: batch, image: { state: 'pending', attempts: 0 } }],
    ['running', { found: batch, image: null }],
    ['storing', { found: batch, image: { state: 'detected' } }],
    ['storing', { found: { ...batch, status: 'COMPLETED', closedAt: new Date(NOW - 1_000) }, image: null }],
    ['lost', { found: { ...batch, status: 'COMPLETED', closedAt: new Date(NOW - 120_000) }, image: null }],
    ['lost', none],
    ['unknown', null],
  ] as const)('is %s by what its batch says (%#)', (state, found) => {
    expect(decide(facts({ batch: found }), around).state).toBe(state);
  });

  it('is being stored as long as the sink is behind', () => {
    const closed = { found: { ...batch, status: 'FAILED', closedAt: new Date(NOW - 120_000) }, image: null };
    expect(decide(facts({ batch: closed }), { ...around, resultsWaiting: 5 }).state).toBe('storing');
    expect(decide(facts({ batch: closed }), { ...around, resultsWaiting: null }).state).toBe('storing');
  });

  it('is lost where its record is gone unread, with the command that sends it again', () => {
    const { state, advice } = decide(facts({ record: { ...taken, place: 'gone' } }), around);
    expect(state).toBe('lost');
    expect(advice).toContain(`penstock backfill 'gs://b/it'\\''s.jpg' --missing`);
  });

  it('stays detected when its event comes again', () => {
    const again = { ...upload, received_at: before(10) };
    expect(decide(facts({ results: [result], upload: again, record: waiting }), around).state).toBe('detected');
  });

  it('is dead with its reason and what to do, until its event comes again or its batch runs again', () => {
    const { state, sentence, advice } = decide(facts({ results: [gone] }), around);
    expect([state, sentence]).toEqual(['dead', 'FORBIDDEN: 403 (batch detect/t/3/100-x)']);
    expect(advice).toMatch(/Give it access.*penstock backfill/);
    const again = { ...upload, received_at: before(10) };
    expect(decide(facts({ results: [gone], upload: again, record: waiting }), around).state).toBe('waiting');
    const running = { found: batch, image: { state: 'pending', attempts: 1 } } as const;
    expect(decide(facts({ results: [gone], batch: running }), around).state).toBe('running');
  });

  it('is unknown where Kafka can not be asked, but for what a running batch tells', () => {
    expect(decide(facts({ record: null }), around)).toMatchObject({ state: 'unknown' });
    const running = { found: batch, image: null };
    expect(decide(facts({ record: null, batch: running }), around).state).toBe('running');
  });

  it('ends with a code that a script can use', () => {
    expect(exitCode(['detected', 'detected'])).toBe(0);
    expect(exitCode(['detected', 'running'])).toBe(3);
    expect(exitCode(['dead', 'running'])).toBe(1);
    expect(exitCode([])).toBe(1);
  });
});

describe('a picture that was never received', () => {
  const resource = {
    ...{ bucket: 'b', name: 'a.jpg', generation: '7', timeCreated: before(3600), contentType: 'image/jpeg' },
  };
  const exists = {
    state: 'exists',
    generation: '7',
    uploadedAt: before(3600),
    contentType: null,
    sizeBytes: 1,
  } as const;
  const ask = (change: Partial<NeverReceivedFacts>) =>
    neverReceived({
      ...{ name: { bucket: 'b', object: 'a.jpg' }, bucket: exists, resource, refused: [], nowMs: NOW },
      ...{
        config: { PENSTOCK_RETENTION_DAYS: 2, PENSTOCK_IMAGE_MAX_BYTES: 50_000_000, PENSTOCK_BUCKETS: [] },
        route: () => ({ lane: 'bulk', model: 'shapes' }),
        ...change,
      },
    });

  it.each<[string, Partial<NeverReceivedFacts>, string]>([
    ['never came', {}, 'no event of it was received'],
    ['is not there', { bucket: { state: 'absent' } }, 'no such object'],
    ['nobody knows', { bucket: { state: 'unknown', problem: '403' } }, 'is unknown'],
    ['no route', { route: () => undefined }, 'No route wants it'],
    ['no image', { resource: { ...resource, contentType: 'text/plain' } }, 'takes images only'],
    ['too old', { resource: { ...resource, timeCreated: before(3 * 86_400) } }, 'out of retention'],
    ['another generation', { name: { bucket: 'b', object: 'a.jpg', generation: '6' } }, 'the bucket has 7 now'],
    [
      'refused',
      { refused: [{ reason: 'INVALID_EVENT', detail: 'd', origin: 'o', received_at: 't' }] },
      'INVALID_EVENT: d',
    ],
  ])('says why: %s', (_, change, sentence) => {
    expect(ask(change).sentence).toContain(sentence);
  });

  it('may yet come when it was uploaded a moment ago', () => {
    expect(ask({ bucket: { ...exists, uploadedAt: before(5) } }).mayYetCome).toBe(true);
    expect(ask({}).mayYetCome).toBe(false);
  });
});

describe('the name of an image', () => {
  it.each([
    ['gs://bucket/a/b.jpg', 'a/b.jpg', undefined],
    ['gs://bucket/a.jpg#1795522177412435', 'a.jpg', '1795522177412435'],
    ['gs://bucket/a#b?.jpg', 'a#b?.jpg', undefined],
    ['gs://bucket/a#12#34', 'a#12', '34'],
    ['gs://bucket//', '/', undefined],
  ])('%s', (text, object, generation) => {
    expect(readImageName(text)).toEqual({ bucket: 'bucket', object, generation });
  });

  it.each(['photo.jpg', 'gs://', 'gs://bucket', 'gs://bucket/', 'gs://B_/a', 'gs://bucket/a#99999999999999999999'])(
    '%s is none',
    (text) => expect(() => readImageName(text)).toThrow(/gs:|generation/),
  );

  it('is quoted for a shell where it needs it', () => {
    expect([quoted('gs://b/a.jpg'), quoted("gs://b/it's $HOME")]).toEqual(['gs://b/a.jpg', `'gs://b/it'\\''s $HOME'`]);
  });
});
