import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startStack, type Stack } from '../../src/embedded/index.js';
import { createLogger } from '../../src/telemetry/index.js';
import { debianProgram } from './debian.js';
import { Fleet, NOOP_DIR } from './fleet.js';
import { endpointsNow, eventually, useStack } from './pipeline.js';
import { alone, penstock } from './program.js';
import { startPrometheus, type Prometheus } from './prometheus.js';
import { Sender } from './sender.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
/** The rules' windows and waits pass so many times as fast; that they are as long as they say is held by promtool. */
const HASTE = 60;
const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600 };
/** Events a second that go through intake all the time. */
const PER_SECOND = 5;
const BACKLOG = 3_000;
const ROUTES = 'version: 1\nroutes:\n  - { bucket: uploads, model: noop, lane: bulk }\n';
/** Bound on an alert's coming and going. */
const LIMIT_MS = 120_000;

const program = await debianProgram('prometheus', 'prometheus');

/** `for: 5m`, `[10m]`, `offset 15m` and `interval: 30s`, each a sixtieth; of two seconds at least. */
function hastened(rules: string): string {
  return rules.replace(
    /(for: |\[|offset |interval: )(\d+)([smh])\b/g,
    (_, before: string, count: string, unit: string) =>
      `${before}${Math.max(2, Math.ceil((Number(count) * (SECONDS[unit] ?? 1)) / HASTE))}s`,
  );
}

/** What a page says to type, without `npx penstock`. */
function commandOf(page: string): string[] {
  const [, line = ''] = /^## The command\n+```sh\nnpx penstock (.+)\n```/m.exec(page) ?? [];
  if (line === '') throw new Error('the page has no command');
  return line.split(' ');
}

describe.skipIf(program === undefined)(
  'alerts on a running stack, each caused, seen and cured by its runbook (skipped where apt can not fetch Prometheus)',
  () => {
    let folder: string;
    let stack: Stack;
    let fleet: Fleet;
    let prometheus: Prometheus;
    let load: { stop: () => Promise<number> };
    let routes: string;

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'penstock-rehearsal-'));
      routes = join(folder, 'routing.yaml');
      await writeFile(routes, ROUTES);
      stack = await startStack({
        ...{ dataDir: join(folder, 'stack'), modelDir: NOOP_DIR, log: createLogger('rehearsal', 'silent') },
        environment: {
          ...{ PENSTOCK_DETECT_CHILDREN: '1', PENSTOCK_LOG_LEVEL: 'warn', PENSTOCK_ROUTING_FILE: routes },
          ...{ PENSTOCK_CAP_IMAGES_PER_SECOND: '100', PENSTOCK_LEASE_MS: '6000' },
        },
      });
      useStack(join(folder, 'stack'));
      fleet = await Fleet.connect();
      const rules = join(folder, 'rules.yml');
      await writeFile(rules, hastened(await readFile(join(ROOT, 'deploy/prometheus/rules/penstock.yml'), 'utf8')));
      prometheus = await startPrometheus(program ?? '', (await endpointsNow()).metrics, { rules: [rules] });
      load = new Sender(async () => (await endpointsNow()).intake ?? '').steady(PER_SECOND, (index) => ({
        image: { bucket: 'uploads', object: `rehearsal/${index}.jpg`, generation: '1' },
        resource: { contentType: 'image/jpeg', timeCreated: new Date().toISOString() },
      }));
    }, 180_000);

    afterAll(async () => {
      await load.stop();
      await prometheus.stop();
      await fleet.close('rehearsal/', 0);
      await stack.stop();
      await rm(folder, { recursive: true, force: true, maxRetries: 3 });
    });

    const isQuiet = (name: string): Promise<unknown> =>
      eventually(prometheus.firing, (alerts) => alerts.every((alert) => alert.name !== name), LIMIT_MS);

    /** Quiet, caused, firing, cured as its page says, quiet again. */
    async function rehearse(
      name: string,
      { cause, cure }: { cause: () => Promise<unknown>; cure: (command: string[]) => Promise<unknown> },
    ): Promise<void> {
      await isQuiet(name);
      await cause();
      const alerts = await eventually(prometheus.firing, (all) => all.some((alert) => alert.name === name), LIMIT_MS);
      const page = alerts.find((alert) => alert.name === name)?.annotations['runbook'] ?? '';
      const text = await readFile(join(ROOT, page), 'utf8');
      expect(text).toContain(`\`${name}\``);
      await cure(commandOf(text));
      await isQuiet(name);
    }

    const readiness = async (role: string): Promise<string> => {
      const { metrics } = await endpointsNow();
      return (await fetch(new URL('/readyz', metrics[role]))).text();
    };

    it('uploads arrive, and nothing is detected: no detector runs', () =>
      rehearse('PenstockNothingDetected', {
        cause: () => stack.takeDown('detector'),
        cure: async (command) => {
          const { code, report } = await penstock(...command);
          expect(code).toBe(1);
          expect(JSON.stringify(report)).toMatch(/detector/);
          await stack.bringBack('detector');
        },
      }));

    it('a role is down', () =>
      rehearse('PenstockRoleDown', {
        cause: () => stack.takeDown('sink'),
        cure: async (command) => {
          expect((await penstock(...command)).code).toBe(1);
          await stack.bringBack('sink');
        },
      }));

    it('images wait, and no detector has a share: no orchestrator answers them', () =>
      rehearse('PenstockNoLease', {
        cause: async () => {
          await stack.takeDown('orchestrator');
          await fleet.feed('rehearsal/no-lease/', BACKLOG);
        },
        cure: async (command) => {
          await eventually(
            () => readiness('detector'),
            (text) => text.includes('capacity'),
            60_000,
          );
          expect((await penstock(...command)).code).toBe(1);
          await stack.bringBack('orchestrator');
        },
      }));

    it('the budget of the day is used up', () =>
      rehearse('PenstockBudgetExhausted', {
        cause: async () => {
          expect(await penstock('capacity', 'budget', '--images', '1')).toMatchObject({ code: 0 });
          await fleet.feed('rehearsal/budget/', BACKLOG);
        },
        cure: async (command) => expect(await penstock(...command)).toMatchObject({ code: 0 }),
      }));

    it('the sink is stuck: ClickHouse is away', () =>
      rehearse('PenstockSinkStuck', {
        cause: () => stack.takeDown('clickhouse'),
        cure: async (command) => {
          expect(await readiness('sink')).toMatch(/clickhouse/i);
          const { code, report } = await penstock(...command);
          expect(code).toBe(1);
          expect(JSON.stringify(report)).toMatch(/clickhouse/i);
          await stack.bringBack('clickhouse');
        },
      }));

    it('intake refuses events: Kafka is away', () =>
      rehearse('PenstockIntakeUnavailable', {
        cause: () => stack.takeDown('kafka'),
        cure: async (command) => {
          expect(await readiness('intake')).toMatch(/kafka/i);
          const { code, report } = await penstock(...command);
          expect(code).toBe(1);
          expect(JSON.stringify(report)).toMatch(/kafka/i);
          await stack.bringBack('kafka');
        },
      }));

    it('dead letters: a sender has changed its format', () =>
      rehearse('PenstockDeadLetters', {
        cause: async () => {
          const { intake = '' } = await endpointsNow();
          for (let count = 0; count < 40; count += 1) {
            const headers = { 'content-type': 'application/json' };
            await fetch(`${intake}/events/pubsub`, { method: 'POST', headers, body: '{"message":{"format":"new"}}' });
          }
        },
        cure: async (command) => {
          await eventually(
            async () => (await penstock(...command)).report as { letters: unknown[] },
            ({ letters }) => letters.length > 0,
            60_000,
          );
          const discard = ['dead', 'discard', '--kind', 'body', '--since', '1h', '--why', 'a rehearsal'];
          expect(await penstock(...discard)).toMatchObject({ code: 0 });
        },
      }));

    it('the routing file can not be used', () =>
      rehearse('PenstockRoutesStale', {
        cause: () => replaceRoutes('version: 1\nroutes:\n  - { bucket: uploads, model: noop, line: bulk }\n'),
        cure: async (command) => {
          const check = command.map((word) => (word === 'routing.yaml' ? routes : word));
          const { report } = await alone(...check);
          expect(report).toMatchObject({ ok: false });
          expect(JSON.stringify(report)).toMatch(/line/);
          await replaceRoutes(ROUTES);
          expect(await alone(...check)).toMatchObject({ code: 0, report: { ok: true } });
        },
      }));

    /** As a deployment does. */
    async function replaceRoutes(text: string): Promise<void> {
      await writeFile(`${routes}.new`, text);
      await rename(`${routes}.new`, routes);
    }
  },
);
