import { bareType, isNullable, type ColumnType } from '../manifest/columnType.js';
import type { Manifest } from '../manifest/schema.js';
import { isSameCodec } from './codecs.js';
import { EVOLVED_COMMENT, landingColumns, columnDefinition, type LandingColumn } from './columns.js';
import { readTypeText, typeText } from './columnTypes.js';
import type { ExistingColumn, ExistingStorage } from './existing.js';
import { namesIn } from './expressions.js';
import { HIDDEN_COLUMNS, identifier, literal, qualified, storageName } from './names.js';
import type { PlanOptions, TableChange, TablePlan } from './changes.js';
import { typeChange, type TypeChange } from './typeChange.js';

/** The columns of a storage, in line with those of a manifest. */
export function planColumns(manifest: Manifest, storage: ExistingStorage, { database }: PlanOptions): TablePlan {
  const alter = `ALTER TABLE ${qualified(database, storageName(manifest.name))}`;
  const wanted = landingColumns(manifest);
  const plans = wanted.map((column) => {
    const there = storage.columns.find(({ name }) => name === column.name);
    return there === undefined ? added(alter, column, storage, manifest) : altered(alter, column, there, manifest);
  });
  const names = new Set<string>([...HIDDEN_COLUMNS, ...wanted.map(({ name }) => name)]);
  const gone = storage.columns.filter(({ name, comment }) => !names.has(name) && comment !== EVOLVED_COMMENT);
  return {
    changes: plans.flatMap(({ changes }) => changes),
    refusals: [
      ...plans.flatMap(({ refusals }) => refusals),
      ...gone.map(
        ({ name, type }) =>
          `columns: ${name} is in the table, and not in the manifest: what is in it would be lost; declare it (${type}; ` +
          'where the source has it no more with a default, or as Nullable and schema.missingColumns: null), or drop it from the table yourself',
      ),
    ],
  };
}

/** Its default is that of the rows which are there. It is never altered: rows that landed would change with it. */
function added(
  alter: string,
  column: LandingColumn,
  { hasRows }: ExistingStorage,
  { target: { key, mode } }: Manifest,
): TablePlan {
  const { name, type, default: value } = column;
  if (hasRows && value === undefined && !isNullable(type))
    return refuse(
      `columns: ${name}: rows that are there have nothing in it, which ${typeText(type)} can't hold: ` +
        `${type.kind === 'array' ? '' : `make it ${nullableText(type)}, or `}give it a default`,
    );
  const definition = columnDefinition(column, value === undefined ? undefined : defaultValue(type, value));
  const says = [
    `adds column ${name} ${typeText(type)}`,
    ...(hasRows && value !== undefined ? [`${JSON.stringify(value)} in the rows that are there`] : []),
    ...(hasRows && key === undefined && mode === 'append'
      ? ['all columns are the key: rows that come again, with something in it, land again']
      : []),
  ];
  return change(`${alter} ADD COLUMN IF NOT EXISTS ${definition}`, says.join('; '));
}

function altered(alter: string, column: LandingColumn, there: ExistingColumn, manifest: Manifest): TablePlan {
  const { name, comment, codec } = column;
  const type = ofType(alter, column, there, manifest);
  if (type.refusals.length > 0) return type;
  const changes = [...type.changes];
  const isSaidWithType = codec !== undefined && changes.length > 0;
  if (!isSaidWithType && !isSameCodec(codec, there.codec))
    changes.push({
      sql: `${alter} MODIFY COLUMN ${identifier(name)} ${codec === undefined ? 'REMOVE CODEC' : `CODEC(${codec})`}`,
      says: `column ${name}: codec ${codec ?? 'of the server'} (${there.codec ?? 'of the server'} so far), for rows to come and parts that are merged`,
    });
  if (comment !== there.comment)
    changes.push({
      sql: `${alter} COMMENT COLUMN IF EXISTS ${identifier(name)} ${literal(comment)}`,
      says: `column ${name}: ${comment === '' ? 'no description' : `says '${comment}'`}`,
    });
  return { changes, refusals: [] };
}

function ofType(
  alter: string,
  { name, type, codec }: LandingColumn,
  there: ExistingColumn,
  manifest: Manifest,
): TablePlan {
  const text = typeText(type);
  if (text === there.type) return { changes: [], refusals: [] };
  const before = readTypeText(there.type);
  const result: TypeChange =
    before === undefined
      ? { kind: 'refused', why: 'it is no type that a manifest can name' }
      : typeChange(before, type);
  const why = result.kind === 'refused' ? result.why : forbidden(manifest, name, result.kind);
  if (why !== undefined)
    return refuse(
      `columns: ${name}: from ${there.type} to ${text}: ${why}. Keep ${there.type}, or add a column with another name`,
    );
  // With its codec, whose width would stay that of the old type.
  const definition = `${identifier(name)} ${text}${codec === undefined ? '' : ` CODEC(${codec})`}`;
  return change(
    `${alter} MODIFY COLUMN IF EXISTS ${definition}`,
    `changes column ${name} from ${there.type} to ${text}`,
  );
}

/** Why a change that loses nothing can't be made of this column; undefined: it can. */
function forbidden(
  { target: { partitionBy = '', orderBy, ttl, key } }: Manifest,
  name: string,
  kind: 'same' | 'keyed' | 'rewrite' | 'rekeyed',
): string | undefined {
  const names = namesIn([partitionBy, ...orderBy].join(' '));
  if (kind !== 'keyed' && names.has(name)) return 'the table is sorted or partitioned by it';
  if (ttl?.column === name) return 'rows are deleted by it';
  return kind === 'rekeyed' && (key?.includes(name) ?? true)
    ? 'rows are told apart by it, and 0.1 is another number there: rows that landed would land again'
    : undefined;
}

/** ISO 8601 is what manifests write times in. */
function defaultValue(type: ColumnType, value: string | number | boolean): string {
  const bare = bareType(type);
  const text = literal(String(value));
  if (bare.kind === 'time') {
    const digits = bare.digits ?? 0;
    return `CAST(parseDateTime64BestEffort(${text}, ${digits}, ${literal(bare.zone)}) AS ${typeText(type)})`;
  }
  return `CAST(${text} AS ${typeText(type)})`;
}

function nullableText(type: ColumnType): string {
  return type.kind === 'lowCardinality'
    ? `LowCardinality(Nullable(${typeText(type.of)}))`
    : `Nullable(${typeText(type)})`;
}

function change(sql: string, says: string): TablePlan {
  const changes: TableChange[] = [{ sql, says }];
  return { changes, refusals: [] };
}

function refuse(why: string): TablePlan {
  return { changes: [], refusals: [why] };
}
