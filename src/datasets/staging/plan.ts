import type { DatasetColumn } from '../manifest/columns.js';
import type { Manifest } from '../manifest/schema.js';
import { planChecks } from './checks.js';
import { zonesOf } from './cleaning.js';
import { planColumn, typeOf, type Fault, type Note, type PlannedColumn } from './columns.js';
import type { Session } from './engine.js';
import { planLookup, type PlannedLookup } from './enrichment.js';
import { expression, LOGICAL_DATE, type Visible } from './expressions.js';
import { planNewColumns, type NewColumns } from './newColumns.js';
import { textOf } from './parquetText.js';
import { hashed } from './personal.js';
import { Pipeline } from './pipeline.js';
import { columnsOf, LOGICAL_DATE_NAME, type SourceShape } from './source.js';
import { textsOf } from './sourceTexts.js';
import { all, literal, literals } from './sql.js';
import { createZoneTable, isUtc } from './types/index.js';

/** How pieces of one shape become rows of one manifest. */
export interface Plan {
  pipeline: Pipeline;
  /** SQL of what is written of a row that lands, in the order of rowStructure(). */
  landing: string[];
  /** Of the record, of the columns in their order, of the lookups, of the checks. */
  faults: Fault[];
  notes: Note[];
  lookups: PlannedLookup[];
  /** SELECT of the records with their texts, and nothing that is made of them. */
  unread: (records: string) => string;
  /** SQL of the record as it came, without personal data. */
  raw: string;
  /** Of records that were rejected nobody knows which text is personal. */
  hasPersonal: boolean;
  needsHashKey: boolean;
  newColumns: NewColumns;
  /** Columns of the source that the manifest names. */
  used: ReadonlySet<string>;
  /** Why no piece of this shape can be staged. */
  failure?: string;
}

/** Throws StagingError where an expression of the manifest is wrong. */
export async function planOf(
  manifest: Manifest,
  shape: SourceShape,
  evolved: readonly string[],
  session: Session,
): Promise<Plan> {
  await makeZones(manifest.columns, session);
  const pipeline = new Pipeline();
  const filled = new Set(manifest.enrich.flatMap(({ take }) => Object.keys(take)));
  const sourced = manifest.columns.filter(({ name, expression: sql }) => sql === undefined && !filled.has(name));
  const texts = textsOf(shape, sourced.map(fromOf), pipeline);
  const found = new Map(sourced.map((column) => [column.name, texts.of(fromOf(column))]));
  const used = new Set([...found.values()].flatMap((text) => (text === undefined ? [] : [text.source])));
  const masked = new Set(
    sourced.flatMap(({ name, personal }) => (personal === undefined ? [] : (found.get(name)?.source ?? []))),
  );
  const raw = texts.raw(masked);
  const unread = pipeline.snapshot();
  const orNothing = nothingOf(manifest);
  const newColumns = planNewColumns(manifest, shape, used, evolved, texts, orNothing, pipeline);
  const malformed = texts.malformed === undefined ? undefined : pipeline.name(texts.malformed);
  const planned = new Map<string, PlannedColumn>();
  const plan = async (
    column: DatasetColumn,
    text: Parameters<typeof planColumn>[1],
    isPersonal: boolean,
  ): Promise<void> => {
    planned.set(column.name, await planColumn(column, text, manifest.schema.badValues, isPersonal, pipeline, session));
  };
  const guards = malformed === undefined ? [] : [`${malformed} IS NULL`];
  for (const column of sourced) {
    const text = found.get(column.name);
    const sql = pipeline.name(text === undefined ? 'CAST(NULL AS VARCHAR)' : orNothing(text.text));
    await plan(column, { ...text, text: sql, guards }, column.personal !== undefined);
  }
  const lookups: PlannedLookup[] = [];
  for (const [index, enrichment] of manifest.enrich.entries()) {
    const lookup = await planLookup(enrichment, index, planned, pipeline, session);
    lookups.push(lookup);
    const isKnown = lookup.faults.map(({ sql }) => `${sql} IS NULL`);
    for (const column of manifest.columns) {
      const text = lookup.taken.get(column.name);
      if (text !== undefined)
        await plan(column, { text, guards: [...guards, ...isKnown] }, column.personal !== undefined);
    }
  }
  for (const column of manifest.columns) {
    if (column.expression === undefined) continue;
    const where = `${column.name}: expression`;
    const { result, type, uses } = await expression(
      column.expression,
      where,
      visibleOf(manifest, planned, column.name),
      pipeline,
      session,
    );
    const isPersonal = column.personal !== undefined || uses.some((one) => one.isPersonal);
    const isFed = all([...guards, ...uses.flatMap(({ isSound }) => isSound ?? [])]);
    const failed = pipeline.name(
      `CASE WHEN ${isFed} AND ${result} IS NULL THEN ${literal(`EXPRESSION ${column.name}: ${column.expression} fails on this row`)} END`,
    );
    const text = pipeline.name(textOf(`${result}.v`, type, 'utc'));
    await plan(
      column,
      { text, before: [{ sql: failed, subject: column.name }], guards: [isFed, `${failed} IS NULL`] },
      isPersonal,
    );
  }
  const inOrder = manifest.columns.flatMap(({ name }) => planned.get(name) ?? []);
  const faults = [
    ...(malformed === undefined ? [] : [{ sql: pipeline.name(`'MALFORMED ' || ${malformed}`), subject: '' }]),
    ...(newColumns.fault === undefined ? [] : [{ sql: pipeline.name(newColumns.fault), subject: '' }]),
    ...inOrder.flatMap((one) => one.faults),
    ...lookups.flatMap((one) => one.faults),
  ];
  const isSound = pipeline.name(all(faults.map(({ sql }) => `${sql} IS NULL`)));
  const checked = await planChecks(manifest.checks, visibleOf(manifest, planned), planned, isSound, pipeline, session);
  const failure = missingOf(manifest, sourced, found, shape) ?? newColumns.failure;
  return {
    pipeline,
    landing: [...inOrder.filter(({ column }) => column.personal !== 'drop').map(landed), ...newColumns.landing],
    faults: [...faults, ...checked.faults],
    notes: [...inOrder.flatMap((one) => one.notes), ...checked.notes],
    lookups,
    unread,
    raw,
    hasPersonal: masked.size > 0,
    needsHashKey: manifest.columns.some(({ personal }) => personal === 'hash'),
    newColumns,
    used,
    ...(failure === undefined ? {} : { failure }),
  };
}

async function makeZones(columns: readonly DatasetColumn[], session: Session): Promise<void> {
  const zones = new Set(columns.flatMap((column) => zonesOf(column.clean ?? [], typeOf(column))));
  for (const zone of zones) if (!isUtc(zone)) await session.run(createZoneTable(zone));
}

function fromOf({ name, from }: DatasetColumn): string {
  return from ?? name;
}

/** Texts that the format says mean nothing. */
function nothingOf({ format }: Manifest): (text: string) => string {
  const nulls = 'nulls' in format ? format.nulls : [];
  const [only] = nulls;
  if (only === undefined) return (text) => text;
  if (nulls.length === 1) return (text) => `NULLIF(${text}, ${literal(only)})`;
  return (text) => `CASE WHEN ${text} IN ${literals(nulls)} THEN NULL ELSE ${text} END`;
}

function missingOf(
  { schema }: Manifest,
  sourced: readonly DatasetColumn[],
  found: ReadonlyMap<string, unknown>,
  shape: SourceShape,
): string | undefined {
  const missing = sourced.filter(({ name }) => found.get(name) === undefined);
  if (missing.length === 0 || schema.missingColumns === 'null') return undefined;
  return `the source lacks ${missing.map(fromOf).join(', ')}; it has ${columnsOf(shape)?.join(', ') ?? ''}`;
}

/** Columns that an expression may name: those before the column, or all. */
function visibleOf({ columns }: Manifest, planned: ReadonlyMap<string, PlannedColumn>, before?: string): Visible[] {
  const end = before === undefined ? columns.length : columns.findIndex(({ name }) => name === before);
  const visible = columns.slice(0, end).flatMap(({ name }): Visible[] => {
    const column = planned.get(name);
    if (column === undefined) return [];
    const { family, value, faults, isPersonal } = column;
    const isSound = faults.length === 0 ? {} : { isSound: all(faults.map(({ sql }) => `${sql} IS NULL`)) };
    return [{ name, seen: family.seen(value), seenType: family.seenType, isPersonal, ...isSound }];
  });
  if (!visible.some(({ name }) => name.toLowerCase() === LOGICAL_DATE))
    visible.push({ name: LOGICAL_DATE, seen: LOGICAL_DATE_NAME, seenType: 'TIMESTAMP', isPersonal: false });
  return visible;
}

function landed({ column, family, value }: PlannedColumn): string {
  return column.personal === 'hash' ? hashed(value) : family.carried(value);
}
