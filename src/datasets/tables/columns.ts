import { parseColumnType, type ColumnType } from '../manifest/columnType.js';
import { landing, type DatasetColumn } from '../manifest/columns.js';
import type { Manifest } from '../manifest/schema.js';
import { UnfitManifestError } from './errors.js';
import { typeText } from './columnTypes.js';
import { identifier, literal } from './names.js';

/** A column of the table and the view. */
export interface LandingColumn {
  name: string;
  type: ColumnType;
  comment: string;
  codec?: string | undefined;
  /** What a row that landed before the column has in it, as the manifest writes it. */
  default?: string | number | boolean | undefined;
}

/** Of a column that a run has added, so that it is told from one that the manifest has lost. */
export const EVOLVED_COMMENT = 'New in the source; the manifest does not name it.';
export const EVOLVED_TYPE: ColumnType = { kind: 'nullable', of: { kind: 'string' } };
export const EVOLVED_TYPE_TEXT = typeText(EVOLVED_TYPE);

/**
 * Columns that land, in the order of the manifest; then those that runs have added (`schema.newColumns: evolve`). Throws
 * UnfitManifestError for a type that parseColumnType does not know.
 */
export function landingColumns(manifest: Manifest, evolved: readonly string[] = []): LandingColumn[] {
  const declared = landing(manifest.columns).map(declaredColumn);
  const names = new Set(declared.map(({ name }) => name));
  const added = evolved
    .filter((name) => !names.has(name))
    .map((name) => ({ name, type: EVOLVED_TYPE, comment: EVOLVED_COMMENT }));
  return [...declared, ...added];
}

function declaredColumn({ name, type: text, description, unit, codec, default: value }: DatasetColumn): LandingColumn {
  const type = parseColumnType(text);
  if (type === undefined) throw new UnfitManifestError([`${name}: ${text} is no type that lands`]);
  const inUnit = unit === undefined ? '' : `in ${unit}`;
  const comment = description === undefined ? inUnit : `${description}${inUnit && ` (${inUnit})`}`;
  return { name, type, comment, codec, default: value ?? undefined };
}

/** As it stands in CREATE and ALTER. */
export function columnDefinition({ name, type, comment, codec }: LandingColumn, defaultValue?: string): string {
  return [
    `${identifier(name)} ${typeText(type)}`,
    ...(defaultValue === undefined ? [] : [`DEFAULT ${defaultValue}`]),
    ...(comment === '' ? [] : [`COMMENT ${literal(comment)}`]),
    ...(codec === undefined ? [] : [`CODEC(${codec})`]),
  ].join(' ');
}
