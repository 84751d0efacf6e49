import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { temporal } from '@temporalio/proto';
import {
  bundleWorkflowCode,
  DefaultLogger,
  makeTelemetryFilterString,
  Runtime,
  Worker,
  type ReplayResult,
} from '@temporalio/worker';
import { DeterminismViolationError } from '@temporalio/workflow';
import { beforeAll, describe, expect, it } from 'vitest';

const HISTORIES = new URL('../../histories/', import.meta.url);
const quiet = new DefaultLogger('ERROR', () => undefined);

interface Recorded {
  name: string;
  text: string;
  history: { events: { workflowExecutionStartedEventAttributes?: { workflowType: { name: string } } }[] };
}

let recorded: Recorded[];

beforeAll(async () => {
  const filter = makeTelemetryFilterString({ core: 'ERROR', other: 'ERROR' });
  Runtime.install({ logger: quiet, shutdownSignals: [], telemetryOptions: { logging: { filter } } });
  const files = (await readdir(HISTORIES)).filter((file) => file.endsWith('.json'));
  recorded = await Promise.all(
    files.map(async (file) => {
      const text = await readFile(new URL(file, HISTORIES), 'utf8');
      return { name: file.replace(/\.json$/, ''), text, history: JSON.parse(text) as Recorded['history'] };
    }),
  );
});

/** Bundles TypeScript as it stands, so that the result does not depend on what was built when. */
async function replay(workflows: URL): Promise<Map<string, ReplayResult>> {
  const { code } = await bundleWorkflowCode({
    workflowsPath: fileURLToPath(workflows),
    logger: quiet,
    webpackConfigHook: (config) => ({
      ...config,
      resolve: { ...config.resolve, extensionAlias: { '.js': ['.ts', '.js'] } },
    }),
  });
  const { History } = temporal.api.history.v1;
  const histories = recorded.map(({ name, history }) => ({ workflowId: name, history: History.fromObject(history) }));
  const results = new Map<string, ReplayResult>();
  for await (const result of Worker.runReplayHistories({ workflowBundle: { code } }, histories))
    results.set(result.workflowId, result);
  return results;
}

const typeOf = ({ history }: Recorded): string | undefined =>
  history.events[0]?.workflowExecutionStartedEventAttributes?.workflowType.name;

describe('the recorded histories', () => {
  it('all replay on the workflows as they are now', async () => {
    const results = await replay(new URL('../../../src/workflows/index.ts', import.meta.url));
    const failures = [...results].flatMap(([name, { error }]) => (error ? [`${name}: ${error.message}`] : []));
    expect(failures).toEqual([]);
    expect([...results.keys()].sort()).toEqual(recorded.map(({ name }) => name).sort());
  });

  it('do not replay on a workflow that does something else: each batch, and no other', async () => {
    const results = await replay(new URL('changed/index.ts', import.meta.url));
    const refused = [...results].flatMap(([name, { error }]) =>
      error instanceof DeterminismViolationError ? [name] : [],
    );
    const batches = recorded.filter((one) => typeOf(one) === 'detectBatch').map(({ name }) => name);
    expect(batches.length).toBeGreaterThan(0);
    expect(refused.sort()).toEqual(batches.sort());
  });

  it('cover every workflow', async () => {
    const index = await readFile(new URL('../../../src/workflows/index.ts', import.meta.url), 'utf8');
    const workflows = [...index.matchAll(/export \{([^}]*)\}/g)]
      .flatMap(([, names = '']) => names.split(',').map((name) => name.trim()))
      .filter((name) => !name.endsWith('Query'));
    expect(workflows).toContain('detectBatch');
    expect([...new Set(recorded.map(typeOf))].sort()).toEqual(workflows.sort());
  });

  it('tell nothing of the machine that recorded them: no host, no path, no stack', () => {
    for (const { name, text } of recorded) {
      const payloads = [...text.matchAll(/"data": ?"([^"]*)"/g)].map(([, base64 = '']) =>
        Buffer.from(base64, 'base64').toString('utf8'),
      );
      const said = [text, ...payloads].join('\n');
      expect(said, name).not.toMatch(/\d@[\w.-]+|file:\/\/|node_modules|\/(home|root|tmp|work|Users|var)\//);
      expect(said, name).not.toMatch(/"stackTrace": ?"[^"]/);
    }
  });
});
