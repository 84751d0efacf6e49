import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Context } from '@temporalio/activity';
import { Client, Connection } from '@temporalio/client';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { changeCapacity, readCapacity } from '../../src/client/index.js';
import { loadConfig } from '../../src/config/index.js';
import {
  CAPACITY_QUERIES,
  CAPACITY_UPDATES,
  CAPACITY_WORKFLOW_ID,
  imageEventsTopic,
  imageKey,
  type CapacitySettings,
  type ImageEvent,
} from '../../src/domain/index.js';
import { createProducer, type StreamProducer } from '../../src/stream/index.js';
import { createLogger } from '../../src/telemetry/index.js';
import { endpointsNow, eventually } from './pipeline.js';
import { startRole } from './roleProcess.js';
import { detected, newModel, objectsOf, ScriptedDetectors, type ScriptedDetector } from './scriptedDetector.js';

/** Images of a full batch. */
const BATCH = 256;

/** Real broker, Temporal, dispatchers and orchestrator; a detector that holds its batches open until it is told. */
let connection: Connection;
let client: Client;
let producer: StreamProducer;
let detectors: ScriptedDetectors;
let before: CapacitySettings;

beforeAll(async () => {
  const { temporal, kafka } = await endpointsNow();
  connection = await Connection.connect({ address: temporal });
  client = new Client({ connection });
  detectors = await ScriptedDetectors.connect(temporal);
  producer = await createProducer({
    config: loadConfig({ PENSTOCK_KAFKA_BROKERS: kafka }),
    log: createLogger('test', 'silent'),
  });
  const { settings } = await capacity().query<{ settings: CapacitySettings }>(CAPACITY_QUERIES.snapshot);
  before = settings;
});

afterAll(async () => {
  await configure(before);
  await detectors.close();
  await producer.close();
  await connection.close();
});

const capacity = () => client.workflow.getHandle(CAPACITY_WORKFLOW_ID);

const configure = (settings: CapacitySettings): Promise<number> =>
  capacity().executeUpdate<number, [CapacitySettings]>(CAPACITY_UPDATES.configure, { args: [settings] });

/** Two lanes, neither of them urgent. */
const window = (places: number, bulk = 1): Promise<number> =>
  configure({
    ...{ ...before, window: places },
    lanes: [
      { lane: 'bulk', weight: bulk, express: false },
      { lane: 'express', weight: 1, express: false },
    ],
  });

const change = (kind: { pause: true } | { resume: true }): Promise<unknown> =>
  changeCapacity(client, { change: kind, who: 'ana', why: 'a test' }, before.leaseMs);

/** Detectors of a lane that hold their batches, and how many those are. */
class Lane {
  isHeld = true;
  open = 0;
  most = 0;
  accepted = 0;
  detector: ScriptedDetector | undefined;

  constructor(
    readonly lane: 'bulk' | 'express',
    readonly model: string,
    private readonly onStart: () => void = () => undefined,
  ) {}

  async start(): Promise<this> {
    this.detector = await detectors.start(
      this.model,
      async (input) => {
        this.open += 1;
        this.most = Math.max(this.most, this.open);
        this.onStart();
        while (this.isHeld) {
          Context.current().heartbeat();
          await sleep(100);
        }
        this.open -= 1;
        return detected(input);
      },
      this.lane === 'express',
    );
    return this;
  }

  async accept(batches: number): Promise<void> {
    const records = Array.from({ length: batches * BATCH }, () => {
      this.accepted += 1;
      const event: ImageEvent = {
        ...{ v: 1, id: randomUUID(), bucket: this.model, object: `${this.accepted}.jpg`, generation: '1' },
        ...{ model: this.model, uploadedAtMs: Date.now(), receivedAtMs: Date.now() },
      };
      return { key: imageKey(event), value: JSON.stringify(event) };
    });
    await producer.send(imageEventsTopic(this.lane), records);
  }

  async hasOpen(batches: number, withinMs: number): Promise<void> {
    await eventually(
      () => Promise.resolve(this.open),
      (open) => open === batches,
      withinMs,
    );
  }

  async hasDetectedAll(): Promise<void> {
    this.isHeld = false;
    await eventually(
      () => Promise.resolve(new Set(this.detector?.calls.flatMap(objectsOf)).size),
      (images) => images === this.accepted,
      90_000,
    );
    await this.hasOpen(0, 30_000);
  }
}

const openByVisibility = async (model: string): Promise<number> =>
  (await client.workflow.count(`ExecutionStatus = 'Running' AND PenstockModel = '${model}'`)).count;

const holders = async (): Promise<number> => (await readCapacity(client)).window.holders.length;

describe('the window of the fleet', () => {
  beforeEach(async () => {
    await eventually(holders, (count) => count === 1, 120_000);
  });

  it('is never passed by two dispatchers, nor when one is killed and the other counts what it left open', async () => {
    await window(6);
    const bulk = await new Lane('bulk', newModel()).start();
    const second = await startRole('dispatcher', {});
    let most = 0;
    const watch = setInterval(() => {
      void openByVisibility(bulk.model).then((open) => (most = Math.max(most, open)));
    }, 500);
    try {
      await eventually(holders, (count) => count === 2, 30_000);
      await bulk.accept(20);
      // Two of the six stay free for the other lane: one for each dispatcher.
      await bulk.hasOpen(4, 60_000);
      process.kill(second.pid, 'SIGKILL');
      await eventually(holders, (count) => count === 1, 60_000);
      await bulk.hasOpen(5, 60_000);
      expect(await openByVisibility(bulk.model)).toBe(5);
      await bulk.hasDetectedAll();
      expect(most).toBeLessThanOrEqual(6);
      expect(bulk.most).toBeLessThanOrEqual(6);
    } finally {
      clearInterval(watch);
      bulk.isHeld = false;
      await second.stop();
    }
  });

  it('starts nothing while it is paused, what is open goes on, and all is detected after that', async () => {
    await window(6);
    const bulk = await new Lane('bulk', newModel()).start();
    try {
      await bulk.accept(16);
      await bulk.hasOpen(5, 60_000);
      await change({ pause: true });
      const started = bulk.detector?.calls.length;
      bulk.isHeld = false;
      await bulk.hasOpen(0, 30_000);
      await eventually(
        () => openByVisibility(bulk.model),
        (open) => open === 0,
        30_000,
      );
      expect(bulk.detector?.calls.length).toBe(started);
      expect((await readCapacity(client)).window.lanes[0]?.stopped).toContain('paused by ana: a test');
      await change({ resume: true });
      await bulk.hasDetectedAll();
    } finally {
      bulk.isHeld = false;
      await change({ resume: true });
    }
  });

  it('is shared 3 : 1 by weights of 3 : 1, and a lane without work lends its share', async () => {
    await window(8, 3);
    const model = newModel();
    let most = 0;
    const count = (): void => void (most = Math.max(most, bulk.open + express.open));
    const bulk = await new Lane('bulk', model, count).start();
    const express = await new Lane('express', model, count).start();
    try {
      await express.accept(12);
      await express.hasOpen(7, 60_000);
      await express.hasDetectedAll();

      // Both have a backlog before either may start.
      await change({ pause: true });
      express.isHeld = true;
      await bulk.accept(16);
      await express.accept(12);
      await change({ resume: true });
      await Promise.all([bulk.hasOpen(6, 60_000), express.hasOpen(2, 60_000)]);
      expect(most).toBe(8);
      await Promise.all([bulk.hasDetectedAll(), express.hasDetectedAll()]);
      expect(most).toBe(8);
    } finally {
      bulk.isHeld = false;
      express.isHeld = false;
      await change({ resume: true });
    }
  });
});
