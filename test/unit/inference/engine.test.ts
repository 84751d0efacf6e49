import { beforeEach, describe, expect, it, vi } from 'vitest';
import { loadConfig } from '../../../src/config/index.js';
import type { ImageRef } from '../../../src/domain/index.js';
import type { ChildEvents } from '../../../src/inference/childProcess.js';
import { createEngine, type Engine } from '../../../src/inference/engine.js';
import { Pacer } from '../../../src/inference/pacer.js';
import type { ImageOutcome, Task } from '../../../src/inference/protocol.js';
import type { Model } from '../../../src/inference/model/index.js';
import { createLogger, createMetrics } from '../../../src/telemetry/index.js';

/** A child process that does what a test says: what the engine gives it, and what it tells the engine. */
class FakeChild {
  readonly inside: Task[] = [];
  readonly dropped: number[] = [];
  isReady = false;
  isClosed = false;

  constructor(
    _options: unknown,
    readonly limit: number | undefined,
    _pacer: unknown,
    _log: unknown,
    readonly events: ChildEvents,
  ) {
    children.push(this);
  }

  get room(): number {
    return this.isReady ? (this.limit ?? 8) - this.inside.length : 0;
  }

  give(tasks: Task[]): void {
    this.inside.push(...tasks);
  }

  drop(ids: number[]): void {
    this.dropped.push(...ids.filter((id) => this.inside.some((task) => task.id === id)));
  }

  close(): Promise<void> {
    this.isClosed = true;
    this.events.ended(this.inside.splice(0), undefined);
    return Promise.resolve();
  }

  ready(): void {
    this.isReady = true;
    this.events.ready(4);
    this.events.room();
  }

  settle(outcome: ImageOutcome): void {
    const task = this.inside.shift();
    if (task) this.events.outcomes([{ task, outcome }]);
    this.events.room();
  }

  /** Says that what nobody waits for has left it. */
  leave(): void {
    const ids = this.dropped.splice(0);
    this.inside.splice(0, this.inside.length, ...this.inside.filter(({ id }) => !ids.includes(id)));
    this.events.dropped(ids);
    this.events.room();
  }

  die(): void {
    this.isReady = false;
    this.events.ended(this.inside.splice(0), undefined);
  }
}

const children: FakeChild[] = [];
vi.mock('../../../src/inference/childProcess.js', () => ({ InferenceChild: FakeChildOf(() => FakeChild) }));

/** The mock is made before the class is. */
function FakeChildOf(theClass: () => typeof FakeChild) {
  return function InferenceChild(...args: ConstructorParameters<typeof FakeChild>): FakeChild {
    return new (theClass())(...args);
  };
}

const DETECTED: ImageOutcome = {
  ...{ kind: 'detected', detectedAtMs: 1 },
  image: { width: 1, height: 1, detections: [] },
};

let engine: Engine;
beforeEach(() => {
  vi.useFakeTimers();
  children.splice(0);
  engine = createEngine({
    ...{ config: loadConfig({}), model: { dir: '/models/shapes' } as Model, pacer: new Pacer() },
    settings: { children: 1, prepareThreads: 1, batch: 4 },
    ...{ log: createLogger('test', 'silent'), metrics: createMetrics('test') },
    onUnfit: (message) => expect.unreachable(message),
  });
  return async () => {
    await engine.close();
    vi.useRealTimers();
  };
});

function detect(objects: string[]) {
  const stop = new AbortController();
  const outcomes: Record<string, string> = {};
  let isDone = false;
  const images = objects.map((object): ImageRef => ({ bucket: 'uploads', object, generation: '1' }));
  const done = engine
    .detect({
      ...{ images, express: false, signal: stop.signal },
      onOutcomes: (settled) => {
        for (const { image, outcome } of settled) {
          const object = objects[image] ?? '';
          expect(outcomes).not.toHaveProperty(object);
          outcomes[object] = 'reason' in outcome ? outcome.reason : outcome.kind;
        }
      },
    })
    .then(() => (isDone = true));
  return { outcomes, stop: () => stop.abort(), done, isDone: () => isDone };
}

/** A child whose death made what was inside suspects, and the one that has the first of them. */
async function isolated(batches: string[][]) {
  const callers = batches.map(detect);
  const [first] = children;
  first?.ready();
  first?.die();
  await vi.advanceTimersByTimeAsync(1_000);
  const alone = children.find(({ limit }) => limit === 1);
  if (alone === undefined) throw new Error('no child for suspects');
  alone.ready();
  return { callers, alone };
}

const objects = (child: FakeChild): string[] => child.inside.map(({ object }) => object);

describe('images of a child that died', () => {
  it('are tried one at a time, beside those of a fresh child, and only the one that kills again is dead', async () => {
    const { callers, alone } = await isolated([['a', 'b', 'c'], ['d']]);
    const [first, second] = callers;
    expect(objects(alone)).toEqual(['a']);
    alone.settle(DETECTED);
    expect(objects(alone)).toEqual(['b']);
    alone.die();
    await vi.advanceTimersByTimeAsync(0);
    expect(first?.outcomes).toEqual({ a: 'detected', b: 'POISON' });
    const next = children.at(-1);
    expect(next?.limit).toBe(1);
    next?.ready();
    next?.settle(DETECTED);
    next?.settle(DETECTED);
    await Promise.all(callers.map(({ done }) => done));
    expect([first?.outcomes, second?.outcomes]).toEqual([
      { a: 'detected', b: 'POISON', c: 'detected' },
      { d: 'detected' },
    ]);
    expect(next?.isClosed).toBe(true);
    // One that serves and its replacement, one for suspects and one after the poison.
    expect(children).toHaveLength(4);
  });
});

describe('a batch that is handed back while one of its images is tried alone', () => {
  it('has those that wait at once, and that one when it has left its child; others go on', async () => {
    const { callers, alone } = await isolated([['a', 'b'], ['c']]);
    const [back, other] = callers;
    back?.stop();
    expect(alone.dropped).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(0);
    expect(back?.isDone()).toBe(false);
    alone.leave();
    await back?.done;
    expect(back?.outcomes).toEqual({});
    expect(objects(alone)).toEqual(['c']);
    alone.settle(DETECTED);
    await other?.done;
    expect(other?.outcomes).toEqual({ c: 'detected' });
    expect(alone.isClosed).toBe(true);
  });

  it('still hears that this one killed its child again: it is known by then', async () => {
    const { callers, alone } = await isolated([['a', 'b']]);
    callers[0]?.stop();
    alone.die();
    await callers[0]?.done;
    expect(callers[0]?.outcomes).toEqual({ a: 'POISON' });
    await vi.advanceTimersByTimeAsync(60_000);
    expect(children.filter(({ limit }) => limit === 1)).toHaveLength(1);
  });

  it('has all of them at once when its child dies after it was handed back: nobody waits for a suspect', async () => {
    const caller = detect(['a', 'b']);
    const [child] = children;
    child?.ready();
    caller.stop();
    expect(caller.isDone()).toBe(false);
    child?.die();
    await caller.done;
    expect(caller.outcomes).toEqual({});
    await vi.advanceTimersByTimeAsync(60_000);
    expect(children.filter(({ limit }) => limit === 1)).toEqual([]);
  });
});
