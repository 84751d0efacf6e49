import type { ColumnProposal, LayoutProposal } from './proposal.js';
import { figure } from './reading.js';
import type { SourceSettings } from './source.js';
import type { SampleTable } from './table.js';

/** All that a manifest is written of. */
export interface Draft {
  name: string;
  /** As whoever asks named it. */
  sample: string;
  source: SourceSettings;
  table: SampleTable;
  columns: readonly ColumnProposal[];
  layout: LayoutProposal;
}

/** What stands at the top: what the manifest goes by. */
export function headLines({ name, sample, table }: Draft): string[] {
  const { rows, isWhole, notes } = table;
  const looked = isWhole ? `all its ${figure(rows)} rows` : `its first ${figure(rows)} rows`;
  return [
    `The dataset ${name}, proposed by looking at ${sample}: ${looked}.`,
    'A sample does not know what comes later: read each choice, and check the file after a change.',
    ...notes,
  ];
}

export function sourceLines({ source, table }: Draft): string[] {
  switch (source.type) {
    case 'objects':
      return [
        'Objects of a bucket; a run takes those that are new.',
        ...(source.match.some((pattern) => pattern.startsWith('**/'))
          ? ['** stands for any folders: name the one that it is.']
          : []),
      ];
    case 'files':
      return ['Files in a folder that every ingester has under this name; a run takes those that are new.'];
    case 'http':
      return [
        'An API. A login is the name of a secret, never the secret: auth: { type: bearer, secret: SHOP_TOKEN }',
        ...pagination(table),
      ];
  }
}

function pagination({ nextPage }: SampleTable): string[] {
  if (nextPage === undefined) return [];
  const type = nextPage.isAddress ? 'next-link' : 'cursor';
  return [`The sample says where its next page is: pagination: { type: ${type}, next: ${nextPage.path} }`];
}

export function formatLines({ format }: SampleTable): string[] {
  const lines: string[] = [];
  if ('encoding' in format && format.encoding === 'latin-1')
    lines.push('The sample is no UTF-8; latin-1 is what it most likely is.');
  if ('nulls' in format && format.nulls !== undefined)
    lines.push('These texts stand for nothing in every column, as they occur in the sample.');
  if ('skip' in format && format.skip !== undefined) lines.push('Lines before the header are left out.');
  if ('records' in format && format.records !== undefined) lines.push('Where the longest list of records is.');
  return lines;
}

export function checkLines(): string[] {
  return ['What the sample gives reason for. With warn such rows land and are counted; quarantine sets them aside.'];
}

/** Why rows should lie so. */
export function targetLines({ layout: { key, repeated, time, months, orderBy }, table: { rows } }: Draft): string[] {
  const some = `${figure(rows)} rows`;
  return [
    key.length === 0
      ? 'No few columns tell rows apart: rows that equal another in everything are duplicates.'
      : `key: no two of ${some} are alike in it${repeated > 0 ? ', but for those that are alike in everything' : ''}. Of rows that are, the last one of a run lands.`,
    ...(repeated > 0 ? [`${figure(repeated)} of ${some} equal another in everything.`] : []),
    ...(time === undefined
      ? []
      : [
          `partitionBy: a month each; the sample has ${months === 1 ? 'rows of one' : `rows of ${figure(months ?? 0)}`}.`,
        ]),
    `orderBy: first what queries filter by, then the time, then the key${orderBy.length === 1 ? '; add what yours filter by' : ''}.`,
    ...(time === undefined ? [] : ['ttl: when rows may go; without it they stay for ever.']),
  ];
}
