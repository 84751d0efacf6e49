import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { parseManifest, proposeManifest, type Manifest, type ProposalRequest } from '../../../../src/datasets/index.js';

/** A folder that is gone when the test is. */
export async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'penstock-proposal-'));
  onTestFinished(() => rm(path, { recursive: true, force: true }));
  return path;
}

export async function fileOf(name: string, content: string | Uint8Array): Promise<string> {
  const path = join(await folder(), name);
  await writeFile(path, content);
  return path;
}

export interface Proposed {
  text: string;
  manifest: Manifest;
  notes: readonly string[];
  rows: number;
  isWhole: boolean;
}

/** What is proposed for a file; it is read back, so that every test also says that it can be. */
export async function proposed(sample: string, more: Partial<ProposalRequest> = {}): Promise<Proposed> {
  const { text, notes, rows, isWhole } = await proposeManifest({ sample, source: { type: 'files' }, ...more });
  return { text, manifest: parseManifest(text, 'proposed.yaml').manifest, notes, rows, isWhole };
}

/** What is proposed for one column of these values, of a CSV with nothing else. */
export async function column(values: readonly string[], name = 'x') {
  const rows = values.map((value) => (/[",\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value));
  const file = await fileOf(
    'sample.csv',
    `row,${name}\n${rows.map((value, index) => `r${index},${value}`).join('\n')}\n`,
  );
  const { manifest, text } = await proposed(file);
  const [, found] = manifest.columns;
  if (found === undefined) throw new Error('no second column');
  return { ...found, comment: commentOf(text, found.name) };
}

/** What is proposed for columns c0, c1, … of these values each, all in one CSV; shorter ones begin again. */
export async function columns(values: readonly (readonly string[])[]) {
  const rows = Array.from({ length: 12 }, (_, index) =>
    values.map((some) => `"${(some[index % some.length] ?? '').replaceAll('"', '""')}"`).join(','),
  );
  const path = await mkdtemp(join(tmpdir(), 'penstock-proposal-'));
  try {
    const file = join(path, 'sample.csv');
    await writeFile(file, `${values.map((_, index) => `c${index}`).join(',')}\n${rows.join('\n')}\n`);
    return (await proposed(file)).manifest.columns;
  } finally {
    await rm(path, { recursive: true });
  }
}

/** The comment above a column. */
export function commentOf(text: string, name: string): string {
  const lines = text.split('\n');
  const at = lines.indexOf(`  - name: ${name}`);
  const start = lines.findLastIndex((line, index) => index < at && !line.startsWith('  # '));
  return lines
    .slice(start + 1, at)
    .map((line) => line.slice(4))
    .join(' ');
}
