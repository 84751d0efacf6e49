import { IMAGE_REASONS } from '../domain/index.js';
import { IMAGE_RESULTS, MAX_TIME_MS, type Target } from './rows.js';

/**
 * Fields of a result and their types; a field that is not there, or is none of its type, is NULL. Whole numbers as Float64,
 * which holds all that the columns do: ClickHouse would cut off what is behind the point.
 */
const FIELDS = {
  ...{ v: 'Float64', bucket: 'String', object: 'String', generation: 'String', model: 'String', status: 'String' },
  ...{ reason: 'String', detail: 'String', width: 'Float64', height: 'Float64' },
  ...{ uploadedAtMs: 'Float64', receivedAtMs: 'Float64', detectedAtMs: 'Float64', attempts: 'Float64' },
  ...{ workflowId: 'String', runId: 'String' },
};
const BOX = { class: 'String', score: 'Float32', xMin: 'Float32', yMin: 'Float32', xMax: 'Float32', yMax: 'Float32' };
const OPTIONAL: ReadonlySet<string> = new Set(['reason', 'detail']);

const UINT32 = 2 ** 32 - 1;
const DAY_MS = 86_400_000;

/**
 * `IMAGE_RESULTS` from the records of Kafka as they came: ClickHouse parses each once, and nothing else does. It refuses
 * a block in which a record is not surely a result as the message's schema has it, within the retention; what it
 * refuses may still be one, and is to be read as `imageResultSchema` says. Lengths are bytes here, never less than there.
 */
export function imageResultRecords(retentionDays: number): Target {
  const whole = (field: string, most: number): string =>
    `r.${field} BETWEEN 0 AND ${most} AND r.${field} = floor(r.${field})`;
  const length = (field: string, least: number, most: number): string =>
    `length(r.${field}) BETWEEN ${least} AND ${most}`;
  const optional = (field: string, check: string): string => `(isNull(r.${field}) OR ${check})`;
  const isResult = [
    'r.v = 1',
    ...[length('bucket', 1, 222), "match(r.bucket, '^[A-Za-z0-9_][A-Za-z0-9_.-]*$')"],
    ...[length('object', 1, 1024), "r.object NOT IN ('.', '..')"],
    "match(r.generation, '^[0-9]{1,18}$')",
    length('model', 1, 96),
    "r.status IN ('detected', 'dead')",
    optional('reason', `r.reason IN (${Object.keys(IMAGE_REASONS).map(quoted).join(', ')})`),
    optional('detail', length('detail', 0, 500)),
    ...[whole('width', UINT32), whole('height', UINT32), whole('attempts', UINT32)],
    ...hasTypes(),
    'length(r.detections) <= 10000',
    'arrayAll(c -> ifNull(length(c) BETWEEN 1 AND 128, 0), r.detections.class)',
    'arrayAll(s -> ifNull(s BETWEEN 0 AND 1, 0), r.detections.score)',
    ...['xMin', 'yMin', 'xMax', 'yMax'].map((side) => `arrayAll(c -> isNotNull(c), r.detections.${side})`),
    ...[whole('uploadedAtMs', MAX_TIME_MS), whole('receivedAtMs', MAX_TIME_MS), whole('detectedAtMs', MAX_TIME_MS)],
    `r.uploadedAtMs >= toUnixTimestamp64Milli(now64(3)) - ${retentionDays * DAY_MS}`,
    ...[length('workflowId', 0, 1000), length('runId', 0, 64)],
  ];
  const record = `JSONExtract(record, ${quoted(`Tuple(${tuple(FIELDS)}, detections Array(Tuple(${tuple(BOX)})))`)})`;
  const at = (field: string): string => `fromUnixTimestamp64Milli(toInt64(r.${field}), 'UTC')`;
  const values = [
    ...['r.bucket', 'r.object', 'toUInt64(r.generation)', 'r.model', 'r.status'],
    ...["ifNull(r.reason, '')", "ifNull(r.detail, '')", 'toUInt32(r.width)', 'toUInt32(r.height)'],
    ...Object.keys(BOX).map((field) => `r.detections.${field}`),
    ...[at('uploadedAtMs'), at('receivedAtMs'), at('detectedAtMs'), 'toUInt32(r.attempts)', 'r.workflowId', 'r.runId'],
  ];
  return {
    table: IMAGE_RESULTS.table,
    columns: IMAGE_RESULTS.columns,
    format: 'RowBinary',
    select:
      `SELECT ${values.join(', ')} FROM (SELECT record, ${record} AS r FROM input('record String')) ` +
      `WHERE throwIf(NOT ifNull(${isResult.join(' AND ')}, 0), 'a record is no result') = 0`,
  };
}

/**
 * ClickHouse would take a number for a text, a text for a number, null for nothing, and boxes that are none for no boxes.
 * A quote inside a string has a backslash before it, so none of these is found there.
 */
function hasTypes(): string[] {
  const numbers = [...Object.entries(FIELDS), ...Object.entries(BOX)].filter(([, type]) => type !== 'String');
  const texts = Object.entries(FIELDS).filter(([name, type]) => type === 'String' && !OPTIONAL.has(name));
  const names = numbers.map(([name]) => name).join('|');
  const wrong = `"(?:${names})":["tf\\\\[]|"(?:${[...OPTIONAL].join('|')})":n`;
  return [
    `NOT match(record, '${wrong}')`,
    `NOT has(multiSearchAllPositions(record, [${texts.map(([name]) => `'"${name}":"'`).join(', ')}]), 0)`,
    `(isNull(r.detail) OR position(record, '"detail":"') > 0)`,
    `position(record, '"detections":[') > 0`,
    `(notEmpty(r.detections) OR position(record, '"detections":[]') > 0)`,
    `countSubstrings(record, '"class":"') = length(r.detections)`,
  ];
}

function tuple(fields: Readonly<Record<string, string>>): string {
  return Object.entries(fields)
    .map(([name, type]) => `${name} Nullable(${type})`)
    .join(', ');
}

/** A text without quotes and backslashes, as a literal. */
function quoted(text: string): string {
  return `'${text}'`;
}
