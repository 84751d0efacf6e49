import { bareType, type ColumnType } from '../manifest/columnType.js';
import type { Cleaning } from '../manifest/columns.js';
import { StagingError } from './errors.js';
import type { Scope } from './pipeline.js';
import { literal, literals } from './sql.js';
import { fractionOf, instantOf } from './types/instants.js';
import type { TimeReading } from './types/index.js';

/** What is left of a text after its cleaning. */
export interface Cleaned {
  text: string;
  /** Sentence about a text that a step refuses, which leaves nothing; NULL where there is none. Undefined: no step does. */
  fault?: string;
  /** How the type has to read the text, where the last step says it. */
  reading?: TimeReading;
}

/** How a sentence calls a text: by its first hundred characters, or not at all. */
export type Shown = (text: string) => string;

/** White space as Unicode has it, and the byte order mark. */
const SPACES =
  ' \t\n\v\f\r\u0085\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000\ufeff';
/** What is written for a space, or for an apostrophe, between thousands. */
const GROUPS: Readonly<Record<string, string>> = { ' ': ' \u00a0\u2009\u202f', "'": "'\u2019" };

/** Takes the steps in their order. A time at the end is left to the type, which reads it without a detour. */
export function clean(text: string, steps: readonly Cleaning[], type: ColumnType, shown: Shown, scope: Scope): Cleaned {
  const cleaned: Cleaned = { text };
  for (const [index, step] of steps.entries()) {
    const kind = bareType(type).kind;
    if (
      typeof step === 'object' &&
      'time' in step &&
      (kind === 'date' || (kind === 'time' && index === steps.length - 1))
    ) {
      cleaned.reading = readingOf(step.time, type);
      continue;
    }
    const { text: next, fault } = stepOf(step, cleaned.text, type, shown, scope);
    cleaned.text = scope.name(next);
    if (fault !== undefined) {
      const earlier = cleaned.fault;
      cleaned.fault = scope.name(earlier === undefined ? fault : `COALESCE(${earlier}, ${fault})`);
    }
  }
  return cleaned;
}

/** Zones that a column's times may be read in. */
export function zonesOf(steps: readonly Cleaning[], type: ColumnType): string[] {
  const own = bareType(type);
  return [
    ...(own.kind === 'time' ? [own.zone] : []),
    ...steps.flatMap((step) => (typeof step === 'object' && 'time' in step ? (step.time.zone ?? []) : [])),
  ];
}

/** The step's reading of times, with the zone of the column where it names none. */
function readingOf(time: Extract<Cleaning, { time: object }>['time'], type: ColumnType): TimeReading {
  const bare = bareType(type);
  const zone = time.zone ?? (bare.kind === 'time' ? bare.zone : 'UTC');
  if (time.format?.replaceAll('%%', '').includes('%Z') === true)
    throw new StagingError(`${time.format}: %Z is read without the gaps of its zone; use %z, or zone`);
  const { format, gap, overlap } = time;
  return { zone, gap, overlap, ...(format === undefined ? {} : { format }) };
}

function stepOf(step: Cleaning, text: string, type: ColumnType, shown: Shown, scope: Scope): Cleaned {
  if (step === 'trim') return { text: trimmed(text) };
  if (step === 'collapse') return { text: collapsed(text) };
  if (step === 'lower' || step === 'upper') return { text: `${step}(${text})` };
  if ('nullIf' in step) return { text: `CASE WHEN ${text} IN ${literals(step.nullIf)} THEN NULL ELSE ${text} END` };
  if ('replace' in step)
    return { text: `regexp_replace(${text}, ${literal(step.replace)}, ${literal(step.with)}, 'g')` };
  if ('map' in step) return mapped(step, text, shown);
  if ('number' in step) return number(step.number, text, shown);
  const instant = instantOf(text, shown(text), readingOf(step.time, type), scope);
  const { utc, why } = instant;
  const fraction = scope.name(fractionOf(instant));
  const second = `CAST(make_timestamp(${utc} * 1000000) AS VARCHAR)`;
  return {
    text: `${second} || CASE WHEN ${fraction} <> '' THEN '.' || ${fraction} ELSE '' END || 'Z'`,
    fault: `CASE WHEN ${text} IS NOT NULL AND ${utc} IS NULL THEN ${why} END`,
  };
}

/**
 * Most texts have nothing to take off, which is seen at a tenth of what it costs to take it off: given the characters,
 * DuckDB takes 0.8 µs a text. By itself it takes off most white space of Unicode, and nothing else, for as little.
 */
function trimmed(text: string): string {
  const isSpaced = (of: string): string => `regexp_matches(${of}, ${literal(`^[${SPACES}]|[${SPACES}]$`)})`;
  const mostly = `trim(${text})`;
  const all = `CASE WHEN ${isSpaced(mostly)} THEN trim(${text}, ${literal(SPACES)}) ELSE ${mostly} END`;
  return `CASE WHEN ${isSpaced(text)} THEN ${all} ELSE ${text} END`;
}

/** To replace costs more than to see that there is nothing to replace. */
function collapsed(text: string): string {
  const isSpaced = `regexp_matches(${text}, ${literal(`[${SPACES.replace(' ', '')}]|  `)})`;
  return `CASE WHEN ${isSpaced} THEN regexp_replace(${text}, ${literal(`[${SPACES}]+`)}, ' ', 'g') ELSE ${text} END`;
}

function mapped(step: Extract<Cleaning, { map: object }>, text: string, shown: Shown): Cleaned {
  const entries = Object.entries(step.map);
  if (entries.length === 0) return { text };
  const cases = entries.map(([from, to]) => `WHEN ${literal(from)} THEN ${literal(to)}`).join(' ');
  const otherwise = step.else === 'keep' ? text : 'NULL';
  const known = literals(entries.map(([from]) => from));
  return {
    text: `CASE ${text} ${cases} ELSE ${otherwise} END`,
    ...(step.else === 'quarantine'
      ? { fault: `CASE WHEN ${text} NOT IN ${known} THEN concat(${shown(text)}, ' is not in the map') END` }
      : {}),
  };
}

/** Separators between thousands stand before each three digits, or nowhere. */
function number(
  { decimal, group }: Extract<Cleaning, { number: object }>['number'],
  text: string,
  shown: Shown,
): Cleaned {
  if (decimal === group)
    throw new StagingError(`number: '${decimal}' can't be both before a fraction and between thousands`);
  const groups = `[${GROUPS[group] ?? group}]`;
  const grouped = group === '' ? '' : `[0-9]{1,3}(?:${groups}[0-9]{3})+|`;
  const isRight = `regexp_full_match(${text}, ${literal(`[+-]?(?:${grouped}[0-9]+)(?:[${decimal}][0-9]+)?`)})`;
  const ungrouped = group === '' ? text : `regexp_replace(${text}, ${literal(groups)}, '', 'g')`;
  const written = `decimal '${decimal}'${group === '' ? '' : ` and group '${group}'`}`;
  return {
    text: `CASE WHEN ${isRight} THEN replace(${ungrouped}, '${decimal}', '.') END`,
    fault: `CASE WHEN NOT ${isRight} THEN concat(${shown(text)}, ${literal(` is no number with ${written}`)}) END`,
  };
}

/** As a sentence shows a text that anyone may see. */
export const shownText: Shown = (text) => `concat('''', left(${text}, 100), '''')`;
/** Personal data is in no sentence. */
export const shownNot: Shown = () => `'the value'`;
