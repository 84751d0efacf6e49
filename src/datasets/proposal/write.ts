import { Document, isCollection, isMap, isScalar, isSeq, visit, type Pair } from 'yaml';
import { MAX_FILE_BYTES } from '../../yaml/index.js';
import { bareType, parseColumnType } from '../manifest/columnType.js';
import { MANIFEST_VERSION } from '../manifest/schema.js';
import { checksOf } from './checks.js';
import { checkLines, formatLines, headLines, sourceLines, targetLines, type Draft } from './comments.js';
import { ProposalError } from './errors.js';
import type { ColumnProposal, LayoutProposal } from './proposal.js';

/** Written in one line, however long. */
const IN_LINE = ['match', 'clean', 'key', 'orderBy', 'nulls'];

/**
 * Writes the manifest; without comments on columns where those of hundreds would make it too large to be read. Throws
 * ProposalError where it is too large even so.
 */
export function writeManifest(draft: Draft): string {
  const text = [false, true].map((isBrief) => written(draft, isBrief)).find(isReadable);
  if (text === undefined) throw new ProposalError(`its manifest would be larger than ${MAX_FILE_BYTES} bytes`);
  return text;
}

function isReadable(text: string): boolean {
  return Buffer.byteLength(text) <= MAX_FILE_BYTES;
}

function written(draft: Draft, isBrief: boolean): string {
  const { name, source, table, columns, layout } = draft;
  const checks = checksOf(columns, layout);
  const document = new Document({
    ...{ version: MANIFEST_VERSION, name, source, format: table.format, columns: columns.map(columnSettings) },
    ...(checks.length === 0 ? {} : { checks: { columns: checks } }),
    target: targetSettings(layout),
  });
  putInLine(document);
  document.commentBefore = asComment(headLines(draft));
  comment(document, 'source', sourceLines(draft));
  comment(document, 'format', formatLines(table));
  comment(document, 'columns', []);
  comment(document, 'checks', checkLines());
  comment(document, 'target', targetLines(draft));
  if (layout.time !== undefined) {
    const target = document.get('target');
    if (isMap(target)) target.comment = asComment([`ttl: { column: ${layout.time}, after: 730d }`]);
  }
  if (!isBrief) commentColumns(document, columns);
  return document.toString({ lineWidth: 0, singleQuote: true });
}

function columnSettings({ name, from, type, clean, ...column }: ColumnProposal): object {
  return {
    name,
    ...(from === name ? {} : { from }),
    type,
    ...(column.default === undefined ? {} : { required: false, default: column.default }),
    ...(clean.length === 0 ? {} : { clean }),
  };
}

function targetSettings({ key, time, orderBy }: LayoutProposal): object {
  return {
    mode: 'append',
    ...(key.length === 0 ? {} : { key }),
    ...(time === undefined ? {} : { partitionBy: `toYYYYMM(${time})` }),
    orderBy,
  };
}

function putInLine(document: Document): void {
  visit(document, {
    Pair: (_, { key, value }) => {
      if (isScalar(key) && IN_LINE.includes(String(key.value)) && isCollection(value)) value.flow = true;
    },
  });
  const checks = document.getIn(['checks', 'columns']);
  if (isSeq(checks)) for (const check of checks.items) if (isCollection(check)) check.flow = true;
}

/** Above a key of the manifest, after an empty line. */
function comment(document: Document, name: string, lines: readonly string[]): void {
  const pair = isMap(document.contents) ? document.contents.items.find((one) => keyOf(one)?.value === name) : undefined;
  const key = pair && keyOf(pair);
  if (!key) return;
  key.spaceBefore = true;
  if (lines.length > 0) key.commentBefore = asComment(lines);
}

function keyOf({ key }: Pair) {
  return isScalar(key) ? key : undefined;
}

function commentColumns(document: Document, columns: readonly ColumnProposal[]): void {
  const items = document.get('columns');
  if (!isSeq(items)) return;
  for (const [index, { notes, personal, type }] of columns.entries()) {
    const item = items.items[index];
    if (!isMap(item)) continue;
    if (notes.length > 0) item.commentBefore = asComment(notes);
    if (personal !== undefined) item.comment = asComment([`personal: ${isText(type) ? 'hash' : 'drop'}`]);
  }
}

function isText(type: string): boolean {
  const known = parseColumnType(type);
  return known !== undefined && bareType(known).kind === 'string';
}

/** Whatever a sample has in its texts stays in the comment. */
function asComment(lines: readonly string[]): string {
  return lines.map((line) => ` ${line.replaceAll(/[\p{C}\p{Zl}\p{Zp}]/gu, '?')}`).join('\n');
}
