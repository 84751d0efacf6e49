import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { Cut } from '../../../../src/datasets/run/cuts.js';
import { stageCuts } from '../../../../src/datasets/run/stageCuts.js';
import type { StagedCut } from '../../../../src/datasets/run/stager.js';
import type { DatasetPlan, DatasetRun, StagedInputs } from '../../../../src/domain/index.js';
import { createLogger } from '../../../../src/telemetry/index.js';
import type { Warehouse } from '../../../../src/warehouse/index.js';
import { eventually, temporaryFolder } from '../../embedded/rig.js';
import { ordersManifest } from './orders.js';

const manifest = ordersManifest();
const run: DatasetRun = {
  ...{ dataset: 'orders', number: '1', workflowId: 'w', runId: 'r', trigger: 'hand' },
  ...{ logicalDate: '2026-01-01T00:00:00.000Z', startedAt: '2026-01-01T00:00:00.000Z' },
};

/** Pieces of one row each, staged when and how a test says, and a warehouse that counts one row of every piece. */
class Rig {
  readonly begun: number[] = [];
  /** Pieces whose rows were inserted. */
  readonly inserted: number[] = [];
  readonly told: StagedInputs[] = [];
  readonly #ends = new Map<number, (failure?: string | Error) => void>();
  readonly result: Promise<StagedInputs>;

  constructor(
    readonly dir: string,
    cuts: number,
  ) {
    const warehouse = {
      insertFile: ({ path }: { path: string }) => {
        this.inserted.push(this.#indexOf(path));
        return Promise.resolve();
      },
      query: () => Promise.resolve([{ rows: '1', quarantined: '0' }]),
    } as unknown as Warehouse;
    const call = { run, manifest, before: undefined, plan: { planId: 'p' } as DatasetPlan };
    this.result = stageCuts(
      // Nothing else of the dependencies is asked for.
      { warehouse, log: createLogger('test', 'silent') } as Parameters<typeof stageCuts>[0],
      {
        ...call,
        signal: new AbortController().signal,
        onProgress: (progress) => {
          this.told.push(progress);
        },
      },
      (cut) => this.#stage(cut.piece.read),
      this.#cuts(cuts),
    );
    this.result.catch(() => undefined);
  }

  /** Waits until so many are being staged or are, and no more come for a while of the event loop. */
  async until(begun: number): Promise<void> {
    await eventually(`${begun} begun`, () => this.begun.length >= begun);
    for (let turns = 0; turns < 20; turns += 1) await new Promise(setImmediate);
  }

  /** Ends the staging of a piece: with a check that fails the run, or an error. */
  end(piece: number, how?: string | Error): void {
    this.#ends.get(piece)?.(how);
  }

  pathOf(piece: number): string {
    return join(this.dir, `${piece}.parquet`);
  }

  #indexOf(path: string): number {
    return this.begun.find((piece) => this.pathOf(piece) === path) ?? -1;
  }

  async #stage(piece: number): Promise<StagedCut> {
    this.begun.push(piece);
    const how = await new Promise<string | Error | undefined>((resolve) => this.#ends.set(piece, resolve));
    if (how instanceof Error) throw how;
    await writeFile(this.pathOf(piece), '');
    const staged = { read: 1, rows: 1, quarantined: 0, newColumns: [], warned: {}, dropped: {} };
    return { staged: { ...staged, path: this.pathOf(piece), ...(how && { failure: how }) }, evolved: [] };
  }

  async *#cuts(count: number): AsyncGenerator<Cut> {
    for (let piece = 1; piece <= count; piece += 1)
      yield await Promise.resolve({
        piece: { kind: 'text', path: join(this.dir, `${piece}.csv`), read: piece } as unknown as Cut['piece'],
        inputs: [0],
        behind: piece === count ? { kind: 'end' } : { kind: 'at', position: { input: 0, byte: piece, line: piece } },
        found: { inputs: 0, bytes: 0 },
      } satisfies Cut);
  }
}

it('two pieces are staged at once, and inserted in their order', async () => {
  const rig = new Rig(await temporaryFolder(), 4);
  await rig.until(2);
  expect(rig.begun).toEqual([1, 2]);
  rig.end(2);
  await rig.until(2);
  expect([rig.begun, rig.inserted]).toEqual([[1, 2], []]);
  rig.end(1);
  await rig.until(3);
  expect(rig.inserted).toEqual([1, 2]);
  rig.end(3);
  await rig.until(4);
  rig.end(4);
  expect(await rig.result).toMatchObject({ read: 4, rows: 4 });
  expect(rig.inserted).toEqual([1, 2, 3, 4]);
  expect(rig.told.map(({ pieces, next }) => [pieces.length, next?.['byte']])).toEqual([
    [1, 1],
    [2, 2],
    [3, 3],
    [4, undefined],
  ]);
  expect((await rig.result).next).toBeUndefined();
});

it('behind a piece of which the run has to fail none is inserted, and its file is gone', async () => {
  const rig = new Rig(await temporaryFolder(), 9);
  await rig.until(2);
  rig.end(2);
  rig.end(1, 'line 1 is wrong');
  // One is begun before the failure has been inserted.
  await rig.until(3);
  rig.end(3);
  const result = await rig.result.then(
    (staged) => staged,
    (error: unknown) => error,
  );
  expect(result).toMatchObject({ read: 1, failure: 'line 1 is wrong' });
  expect(result).not.toHaveProperty('next');
  expect(rig.inserted).toEqual([1]);
  expect(rig.begun).toEqual([1, 2, 3]);
  expect([1, 2, 3].map((piece) => existsSync(rig.pathOf(piece)))).toEqual([false, false, false]);
});

it('an error ends the call when all is still, with what counts before it told, and no file left', async () => {
  const rig = new Rig(await temporaryFolder(), 9);
  await rig.until(2);
  rig.end(1);
  await rig.until(3);
  let isOver = false;
  rig.result
    .catch(() => undefined)
    .finally(() => (isOver = true))
    .catch(() => undefined);
  rig.end(2, new Error('an expression is wrong'));
  await rig.until(3);
  expect(isOver).toBe(false);
  rig.end(3);
  await expect(rig.result).rejects.toThrow('an expression is wrong');
  expect(rig.told.map(({ pieces }) => pieces.length)).toEqual([1]);
  expect(rig.inserted).toEqual([1]);
  expect(existsSync(rig.pathOf(3))).toBe(false);
});
