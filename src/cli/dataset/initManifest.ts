import { stat, writeFile } from 'node:fs/promises';
import {
  ProposalError,
  proposeManifest,
  type Proposal,
  type ProposalRequest,
  type WantedSource,
} from '../../datasets/index.js';
import { UsageError, VerbError } from '../verb.js';
import type { InitFlags } from './init.js';
import { initText } from './initText.js';

/** What `penstock dataset init --json` prints. Fields are only added. */
export interface InitReport {
  /** The manifest that was written. */
  file: string;
  name: string;
  format: string;
  /** Rows that were looked at. */
  rows: number;
  /** They are all that the sample has. */
  whole: boolean;
  columns: readonly {
    name: string;
    from: string;
    type: string;
    /** Rows with nothing in it. */
    missing: number;
    distinct: number;
    /** What of a person it seems to say. */
    personal: string | null;
    notes: readonly string[];
  }[];
  key: readonly string[];
  orderBy: readonly string[];
  notes: readonly string[];
}

const PRINTED = '-';

/**
 * Writes a manifest, and gives what is to be printed. Throws UsageError for a sample that is not there, a manifest that
 * is, and options that contradict; VerbError for a sample that can't be read.
 */
export async function initManifest(sample: string, flags: InitFlags): Promise<string> {
  const { name, format, rows, out, force = false, json = false } = flags;
  if (out === PRINTED && json) throw new UsageError('--out - prints the manifest: leave out --json');
  if (out !== undefined && out !== PRINTED && !force) await refuseExisting(out);
  const proposal = await propose({ sample, source: wantedSource(flags), name, format, rows });
  if (out === PRINTED) return proposal.text.trimEnd();
  const file = out ?? `${proposal.name}.yaml`;
  await write(file, proposal.text, force);
  return json ? JSON.stringify(reportOf(proposal, file), undefined, 2) : initText(proposal, file);
}

/** What the options say of the source. Throws UsageError where they contradict. */
function wantedSource({ source, bucket, match, url }: InitFlags): WantedSource {
  const type = source ?? (url !== undefined ? 'http' : bucket !== undefined ? 'objects' : 'files');
  if (bucket !== undefined && type !== 'objects') throw new UsageError('--bucket is of --source objects alone');
  if (url !== undefined && type !== 'http') throw new UsageError('--url is of --source http alone');
  switch (type) {
    case 'objects':
      if (bucket === undefined) throw new UsageError('--source objects needs --bucket');
      return { type, bucket, match };
    case 'files':
      return { type, match };
    case 'http':
      if (url === undefined) throw new UsageError('--source http needs --url');
      if (match !== undefined) throw new UsageError('--match is of objects and files alone');
      return { type, url };
  }
}

async function propose(request: ProposalRequest): Promise<Proposal> {
  try {
    return await proposeManifest(request);
  } catch (error) {
    if (!(error instanceof ProposalError)) throw error;
    throw error.isMisuse ? new UsageError(error.message) : new VerbError(error.message);
  }
}

/** Before a sample is looked at for nothing. */
async function refuseExisting(file: string): Promise<void> {
  const isThere = await stat(file).then(
    () => true,
    () => false,
  );
  if (isThere) throw new UsageError(`${file} is there already; --force overwrites it`);
}

async function write(file: string, text: string, force: boolean): Promise<void> {
  try {
    await writeFile(file, text, { flag: force ? 'w' : 'wx' });
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST')
      throw new UsageError(`${file} is there already; --force overwrites it`);
    throw new UsageError(`${file}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function reportOf({ name, format, rows, isWhole, columns, layout, notes }: Proposal, file: string): InitReport {
  return {
    ...{ file, name, format, rows, whole: isWhole },
    columns: columns.map(({ personal, ...column }) => ({
      ...{ name: column.name, from: column.from, type: column.type, missing: column.missing },
      ...{ distinct: column.distinct, personal: personal ?? null, notes: column.notes },
    })),
    ...{ key: layout.key, orderBy: layout.orderBy, notes },
  };
}
