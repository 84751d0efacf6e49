import { DuckDBListType, DuckDBStructType, type DuckDBType } from '@duckdb/node-api';
import type { DescribedColumn } from './engine.js';
import { StagingError } from './errors.js';
import { isBytes, textOf } from './parquetText.js';
import { jsonPointer, segmentsOf, type Segment } from './paths.js';
import type { Scope } from './pipeline.js';
import { columnsOf, JSON_TEXT, type SourceShape } from './source.js';
import { identifier, listOf, literal } from './sql.js';

/** Where the text of a column comes from. */
export interface SourceText {
  /** Name of the text in the pipeline. */
  text: string;
  /** Column of the source, or key at the top of a record. */
  source: string;
  /** Sentence about a value that has no text; NULL where it has. */
  fault?: string;
}

/** Texts of a source, by what the columns of a manifest are from. */
export interface SourceTexts {
  /** Undefined: the header has no such column. */
  of(from: string): SourceText | undefined;
  /** The text of a column, or key at the top, by its name. */
  top(name: string): string | undefined;
  /** Sentence about a record that is none; NULL for every other. Undefined: there can be none such. */
  malformed?: string;
  /** SQL of the record as it came, a JSON object of texts. `masked` are shown as [personal]. */
  raw(masked: ReadonlySet<string>): string;
}

/** `paths` are all that the manifest's columns are from. */
export function textsOf(shape: SourceShape, paths: readonly string[], scope: Scope): SourceTexts {
  return shape.kind === 'json' ? jsonTexts(paths, scope) : columnTexts(shape, scope);
}

function jsonTexts(paths: readonly string[], scope: Scope): SourceTexts {
  const pointers = [...new Set(['/', ...paths.map((path) => jsonPointer(segmentsOf(path)))])];
  // One reading for all of them; of a record that is no JSON it is NULL.
  const values = scope.name(`TRY(${JSON_TEXT} ->> ${listOf(pointers.map(literal))})`);
  const isObject = `${values} IS NOT NULL AND starts_with(ltrim(${JSON_TEXT}, ${literal(' \t\r\n')}), '{')`;
  return {
    of(from) {
      const segments = segmentsOf(from);
      const place = pointers.indexOf(jsonPointer(segments));
      return { text: scope.name(`${values}[${place + 1}]`), source: String(segments[0] ?? from) };
    },
    top: (name) => scope.name(`TRY(${JSON_TEXT} ->> ${literal(jsonPointer([name]))})`),
    malformed: `CASE WHEN ${isObject} THEN NULL WHEN ${values} IS NULL THEN 'this is no JSON' ELSE 'this is no object of JSON' END`,
    raw: (masked) => {
      const named = [...masked];
      if (named.length === 0) return JSON_TEXT;
      const patches = named.map((name) => {
        const key = literal(`{${JSON.stringify(name)}: "[personal]"}`);
        return `CASE WHEN json_exists(${JSON_TEXT}, ${literal(jsonPointer([name]))}) THEN ${key} ELSE '{}' END`;
      });
      const patched = patches.reduce((inner, patch) => `json_merge_patch(${inner}, ${patch})`, JSON_TEXT);
      return `CASE WHEN ${isObject} THEN COALESCE(CAST(TRY(${patched}) AS VARCHAR), '[personal]') ELSE '[personal]' END`;
    },
  };
}

function columnTexts(shape: Exclude<SourceShape, { kind: 'json' }>, scope: Scope): SourceTexts {
  const names = columnsOf(shape) ?? [];
  const at = (index: number): string => identifier(`#s${index}`);
  const text = (index: number): string => {
    const type = shape.kind === 'parquet' ? shape.columns[index]?.type : undefined;
    return type === undefined ? at(index) : scope.name(textOf(at(index), type, 'local'));
  };
  return {
    of(from) {
      const index = names.indexOf(from);
      if (index < 0) return shape.kind === 'parquet' ? nestedText(from, shape.columns, scope) : undefined;
      if (names.indexOf(from, index + 1) >= 0)
        throw new StagingError(`the header names ${from} twice: no column can be from it`);
      const type = shape.kind === 'parquet' ? shape.columns[index]?.type : undefined;
      return {
        text: text(index),
        source: from,
        ...(type !== undefined && isBytes(type) ? { fault: notUtf8(at(index), text(index)) } : {}),
      };
    },
    top: (name) => {
      const index = names.indexOf(name);
      return index < 0 ? undefined : text(index);
    },
    raw: (masked) => {
      const pairs = names.flatMap((name, index) => {
        const shown = masked.has(name) ? `CASE WHEN ${at(index)} IS NOT NULL THEN '[personal]' END` : text(index);
        return [literal(name), shown];
      });
      return `CAST(json_object(${pairs.join(', ')}) AS VARCHAR)`;
    },
  };
}

/** A field of a struct, or an element of a list, in a column of Parquet. */
function nestedText(from: string, columns: readonly DescribedColumn[], scope: Scope): SourceText | undefined {
  const [top, ...segments] = segmentsOf(from);
  const index = columns.findIndex(({ name }) => name === top);
  const found = columns[index];
  if (found === undefined || segments.length === 0) return undefined;
  let value = identifier(`#s${index}`);
  let type: DuckDBType = found.type;
  for (const segment of segments) {
    const below = step(value, type, segment);
    if (below === undefined) return undefined;
    ({ value, type } = below);
  }
  const text = scope.name(textOf(value, type, 'local'));
  return { text, source: found.name, ...(isBytes(type) ? { fault: notUtf8(value, text) } : {}) };
}

function step(value: string, type: DuckDBType, segment: Segment): { value: string; type: DuckDBType } | undefined {
  if (type instanceof DuckDBListType && typeof segment === 'number')
    return { value: `${value}[${segment + 1}]`, type: type.valueType };
  if (!(type instanceof DuckDBStructType) || typeof segment === 'number') return undefined;
  const of = type.entryTypes[type.entryNames.indexOf(segment)];
  return of === undefined ? undefined : { value: `${value}.${identifier(segment)}`, type: of };
}

function notUtf8(bytes: string, text: string): string {
  return `CASE WHEN ${bytes} IS NOT NULL AND ${text} IS NULL THEN 'these bytes are not UTF-8' END`;
}
