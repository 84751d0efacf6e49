import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Storage } from '@google-cloud/storage';
import { GCS_PROJECT } from '../../../src/embedded/index.js';
import { dataDirNow, endpointsNow, eventually } from '../pipeline.js';
import { penstock } from '../program.js';
import { JSON_FORM, rowTexts, type LandedRow, type Quarantined, type RunOutcome } from './oracle/index.js';
import type { SourceFile } from './written/index.js';

/** What `penstock dataset run --json` tells of a run. */
export interface RunReport {
  status: string;
  workflowId: string;
  failure: string | null;
  run: {
    run: string;
    status: string;
    read: number;
    loaded: number;
    quarantined: number;
    duplicates: number;
    failure: string;
  } | null;
}

/** Rows of a SELECT in the form of the oracle. A server that is away is waited for. */
export async function landed(sql: string): Promise<LandedRow[]> {
  const settings = Object.entries(JSON_FORM).map(
    ([name, value]) => `${name} = ${JSON.stringify(value).replaceAll('"', "'")}`,
  );
  const text = await eventually(
    async () => {
      const { clickhouse } = await endpointsNow();
      const response = await fetch(`${clickhouse}/?database=penstock`, {
        method: 'POST',
        body: `${sql} SETTINGS ${settings.join(', ')} FORMAT JSONEachRow`,
        signal: AbortSignal.timeout(30_000),
      });
      const body = await response.text();
      if (!response.ok) throw new Error(body);
      return body;
    },
    () => true,
    60_000,
  );
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as LandedRow);
}

/** The rows of a dataset as readers see them, as texts that can be compared. */
export async function tableTexts(dataset: string, columns: readonly string[]): Promise<string[]> {
  // What a source brings later has no column before.
  return rowTexts(columns, await landed(`SELECT * FROM ${dataset}`));
}

/** Applies manifests by the verb, as they are. */
export async function applyManifests(manifests: Readonly<Record<string, string>>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'penstock-manifests-'));
  try {
    for (const [name, text] of Object.entries(manifests)) await writeFile(join(folder, `${name}.yaml`), text);
    const { code, report } = await penstock('dataset', 'apply', folder);
    if (code !== 0) throw new Error(JSON.stringify(report));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

export async function runDataset(dataset: string, ...options: string[]): Promise<RunReport> {
  const { report } = await penstock('dataset', 'run', dataset, ...options);
  return report as RunReport;
}

/** What a run was, in the words of the oracle. */
export async function outcomeOf({ run }: RunReport): Promise<RunOutcome & { failure: string }> {
  if (run === null) throw new Error('the run has no record');
  const rows = await landed(`SELECT source, line, reason, subject FROM quarantine WHERE run = '${run.run}'`);
  const quarantined = rows.map(({ source, line, reason, subject }): Quarantined => ({
    source: String(source),
    line: Number(line),
    reason: reason as Quarantined['reason'],
    subject: String(subject),
  }));
  const { read, loaded, duplicates, failure } = run;
  return { read, loaded, duplicates, quarantined: sortedRows(quarantined), failure };
}

/** In the order of where they stand; names of pages are cut to their ends, which is all that the oracle knows. */
export function sortedRows(rows: readonly Quarantined[]): Quarantined[] {
  return rows
    .map((row) => ({ ...row, source: shortSource(row.source) }))
    .sort((a, b) => (a.source === b.source ? a.line - b.line : a.source < b.source ? -1 : 1));
}

/** What the oracle calls a source: an object by its name, a page by its number. */
export function shortSource(source: string): string {
  return source.replace(/^https?:.*(#page=\d+)$/, '$1').replace(/^gs:\/\/[^/]+\//, '');
}

/** Puts files into a bucket, which is made if it is not there. Returns the generation of each. */
export async function putObjects(bucket: string, files: readonly SourceFile[]): Promise<string[]> {
  const { gcs } = await endpointsNow();
  const storage = new Storage({ apiEndpoint: gcs, projectId: GCS_PROJECT, useAuthWithCustomEndpoint: false });
  const [isThere] = await storage.bucket(bucket).exists();
  if (!isThere) await storage.createBucket(bucket);
  const generations: string[] = [];
  for (const { name, bytes } of files) {
    const file = storage.bucket(bucket).file(name);
    await file.save(bytes, { resumable: false });
    generations.push(String(file.metadata.generation));
  }
  return generations;
}

/** Puts files into a folder, each as a whole: a run that comes in between finds the one before or the new one. */
export async function putFiles(folder: string, files: readonly SourceFile[]): Promise<void> {
  for (const { name, bytes } of files) {
    const path = join(folder, name);
    const aside = join(folder, 'incoming', name);
    await mkdir(dirname(path), { recursive: true });
    await mkdir(dirname(aside), { recursive: true });
    await writeFile(aside, bytes);
    await rename(aside, path);
  }
}

/** Where the stack of the tests has its secrets. */
export function secretsFolder(): string {
  return join(dataDirNow(), 'secrets');
}

export async function putSecret(name: string, value: string): Promise<void> {
  await mkdir(secretsFolder(), { recursive: true });
  await writeFile(join(secretsFolder(), name), value);
}
