import { ActivityFailure, TimeoutFailure } from '@temporalio/common';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import type {
  BatchResult,
  DetectBatchInput,
  DetectImagesInput,
  DetectImagesResult,
  OutcomesInput,
} from '../../../src/domain/index.js';
import { detectBatch } from '../../../src/workflows/detectBatch.js';

type Scripted = (objects: string[], call: number) => DetectImagesResult;

const workflow = vi.hoisted(() => ({
  info: {},
  calls: [] as string[][],
  asked: [] as string[][],
  detect: null as Scripted | null,
  /** Patches that what is replayed does not have. */
  absent: new Set<string>(),
  /** Rounds after which the server suggests to continue as new. */
  suggestAfter: Infinity,
  ContinuedAsNew: class extends Error {
    constructor(readonly input: unknown) {
      super('continued as new');
    }
  },
}));

vi.mock('@temporalio/workflow', async (original) => ({
  ...(await original<object>()),
  continueAsNew: (input: unknown) => Promise.reject(new workflow.ContinuedAsNew(input)),
  patched: (name: string) => !workflow.absent.has(name),
  proxyActivities: () => ({
    detectImages: ({ images }: DetectImagesInput) => {
      const objects = images.map(([, object]) => object);
      workflow.calls.push(objects);
      return Promise.resolve().then(() => workflow.detect?.(objects, workflow.calls.length - 1));
    },
    holdImages: () => Promise.resolve([]),
    outcomesOf: ({ images }: OutcomesInput) => {
      workflow.asked.push(images.map(([, object]) => object));
      return Promise.resolve({ detected: [], dead: [] });
    },
    recordDead: () => Promise.resolve(),
  }),
  getExternalWorkflowHandle: () => ({ signal: () => Promise.resolve() }),
  setCurrentDetails: () => undefined,
  setHandler: () => undefined,
  sleep: () => Promise.resolve(),
  upsertSearchAttributes: () => undefined,
  workflowInfo: () => ({
    ...workflow.info,
    continueAsNewSuggested: workflow.calls.length >= workflow.suggestAfter,
  }),
}));

const input: DetectBatchInput = {
  ...{ model: 'shapes', lane: 'bulk', topic: 't', partition: 0, firstOffset: '0', lastOffset: '3', express: false },
  ...{ buckets: ['uploads'], images: [0, 1, 2, 3].map((image) => [0, String(image), '1', 1, 2]), maxAttempts: 2 },
};
const first = { workflowId: 'w', runId: 'r1', originalExecutionRunId: 'r1', memo: { fresh: true } };
const continued = { ...first, runId: 'r2', originalExecutionRunId: 'r2', continuedFromExecutionRunId: 'r1' };

const outcome = (some: Partial<DetectImagesResult>): DetectImagesResult => ({
  ...{ detected: 0, dead: [], retry: [], untried: [], ...some },
});

beforeEach(() => {
  workflow.calls = [];
  workflow.asked = [];
  workflow.absent.clear();
  workflow.suggestAfter = Infinity;
});

/** One run; `next` is the input of the run that continues it, where it does. */
async function run(from: DetectBatchInput, info: object): Promise<{ result?: BatchResult; next?: DetectBatchInput }> {
  workflow.info = info;
  try {
    return { result: await detectBatch(from) };
  } catch (error) {
    if (error instanceof workflow.ContinuedAsNew) return { next: error.input as DetectBatchInput };
    throw error;
  }
}

/** Of a run that goes on from there: image 0 is dead, the others are pending. */
const midway: DetectBatchInput = {
  ...input,
  progress: {
    detected: 0,
    dead: [[0, 'FORBIDDEN']],
    pending: [1, 2, 3].map((image) => [image, 0]),
  },
};

describe('a batch that is continued as new', () => {
  it('after a reset to its middle tries what is dead once more, in the run that comes to the end', async () => {
    workflow.detect = (_objects, call) => outcome(call === 0 ? { untried: [1, 2] } : {});
    workflow.suggestAfter = 1;
    workflow.absent.add('again');
    const { next } = await run(midway, { ...continued, runId: 'r2-reset' });
    workflow.suggestAfter = Infinity;
    workflow.absent.clear();
    const { result } = await run(next ?? input, { ...continued, runId: 'r3', originalExecutionRunId: 'r3' });
    expect(workflow.calls).toEqual([['1', '2', '3'], ['2', '3'], ['0']]);
    expect(workflow.asked).toEqual([['0']]);
    expect(result).toEqual({ images: 4, detected: 4, dead: {} });
  });
});

const LOST = new ActivityFailure(
  ...(['activity failed', 'detectImages', '1', 'NON_RETRYABLE_FAILURE', 'a detector'] as const),
  new TimeoutFailure('no heartbeat', undefined, 'HEARTBEAT'),
);
const lose = (): never => {
  throw LOST;
};
const forbidden = (...images: number[]): DetectImagesResult =>
  outcome({ retry: images.map((image) => ({ image, reason: 'FORBIDDEN', detail: '403' })) });
const all = ['0', '1', '2', '3'];
const patient = { ...input, maxAttempts: 10 };

describe('a batch under which detectors are lost', () => {
  it('three times in a row has its images alone, and only the one at fault pays', async () => {
    workflow.detect = (objects) => (objects.includes('2') ? lose() : outcome({}));
    await expect(run(input, first)).rejects.toThrow('1 dead (1 WORKER_LOST) of 4 images');
    expect(workflow.calls).toEqual([all, all, all, ...all.map((object) => [object]), ['2']]);
  });

  it('has its images together again once each has outlived a detector alone', async () => {
    workflow.detect = (objects, call) => {
      if (call < 3) return lose();
      return call < 7 ? forbidden(...objects.keys()) : outcome({});
    };
    await run(patient, first);
    expect(workflow.calls).toEqual([all, all, all, ...all.map((object) => [object]), all]);
  });

  it('goes on with its images together where each has outlived a detector between two losses', async () => {
    const lossesAt = new Set([0, 1, 3, 4, 6]);
    workflow.detect = (_objects, call) =>
      lossesAt.has(call) ? lose() : call < 7 ? forbidden(0, 1, 2, 3) : outcome({});
    const { result } = await run(patient, first);
    expect(result).toEqual({ images: 4, detected: 4, dead: {} });
    expect(workflow.calls).toEqual(Array.from({ length: 8 }, () => all));
  });

  it('counts on where an image has outlived none, though others have', async () => {
    workflow.detect = (_objects, call) => {
      if (call === 1) return outcome({ retry: forbidden(0, 1).retry, untried: [2, 3] });
      return call < 4 ? lose() : outcome({});
    };
    await run(patient, first);
    expect(workflow.calls).toEqual([all, all, all, all, ...all.map((object) => [object])]);
  });

  it('does as before where what an older release has done is replayed: three in all are enough', async () => {
    workflow.absent.add('lostInARow');
    workflow.detect = (_objects, call) =>
      [0, 1, 3].includes(call) ? lose() : call < 4 ? forbidden(0, 1, 2, 3) : outcome({});
    await run(patient, first);
    expect(workflow.calls.slice(4)).toEqual(all.map((object) => [object]));
  });

  it('tells the run that continues it how many in a row', async () => {
    workflow.detect = (_objects, call) => (call === 2 ? outcome({ untried: [1] }) : lose());
    workflow.suggestAfter = 3;
    const { next } = await run(patient, first);
    expect(next?.progress).toEqual({ detected: 3, pending: [[1, 0]], dead: [], lostDetectors: 2 });
  });
});
