import { isUtf8 } from 'node:buffer';
import type { TopicTable } from '../tables/index.js';
import type { Target } from '../warehouse/index.js';
import type { ReadRow, RecordSource } from './block.js';

const POSITION_COLUMNS = ['_topic', '_partition', '_offset'];

/** The table of a topic as inserts name it. */
export function targetOf({ table, format, columns = [], position, unknownFields }: TopicTable): Target {
  const filled = columns.length === 0 || !position ? columns : [...columns, ...POSITION_COLUMNS];
  return { table, format, columns: filled, skipsUnknownFields: unknownFields === 'skip' };
}

/**
 * Makes the reader of a topic of others: a record's text goes to ClickHouse as it came, so that no number is rounded. It
 * is parsed once, to know that it is one object: two half ones would make a row between them.
 */
export function tableReader(table: TopicTable): (source: RecordSource) => ReadRow {
  const target = targetOf(table);
  return (source) => {
    if (!isUtf8(source.value)) return unfit('no UTF-8');
    const text = source.value.toString('utf8');
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch (error) {
      return unfit(`no JSON: ${error instanceof Error ? error.message : String(error)}`);
    }
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return unfit('no JSON object');
    const data = table.position ? withPosition(text, source, Object.keys(value).length === 0) : text;
    return { kind: 'row', row: { target, tablePartition: 0, source, data } };
  };
}

function withPosition(text: string, { topic, partition, offset }: RecordSource, isEmpty: boolean): string {
  const open = text.trimEnd().slice(0, -1);
  return `${open}${isEmpty ? '' : ','}"_topic":"${topic}","_partition":${partition},"_offset":${offset}}`;
}

function unfit(detail: string): ReadRow {
  return { kind: 'unfit', reason: 'INVALID_RECORD', detail: detail.slice(0, 2000) };
}
