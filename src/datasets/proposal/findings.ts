import { identifier, literal } from '../staging/sql.js';
import type { Database } from './database.js';
import { shapeOf, type Figures, type Reading } from './reading.js';
import { NUMBERS } from './numbers.js';
import { TIMES } from './times.js';
import { WORDS } from './words.js';

/** What is in the texts of a column. Counts are of all its rows. */
export interface TextFindings {
  /** Rows with a text, also an empty one. */
  present: number;
  /** Of them, those that are empty or blank. */
  blank: number;
  /** Of them, those with blanks around something. */
  padded: number;
  longest: number;
  /** Different texts, without blanks around. */
  distinct: number;
  /** Words for nothing that occur, like N/A. */
  words: string[];
  /** Rows with such a word. */
  wordRows: number;
  /** The first texts, without blanks around. */
  first: string[];
  /** Readings that take every text but blank ones and words for nothing, in the order in which they are preferred. */
  fits: Fit[];
  /** The reading that takes nearly all. */
  near?: { reading: Reading; count: number; exception: string };
}

export interface Fit {
  reading: Reading;
  figures: Figures;
}

const READINGS: readonly Reading[] = [...WORDS, ...TIMES, ...NUMBERS];
/** What stands for nothing among numbers or times; among texts it may be one. */
const WORDS_FOR_NOTHING = [
  ...['N/A', 'n/a', 'NA', '#N/A', 'NULL', 'Null', 'null', '\\N', 'None', 'none', 'nil', 'undefined'],
  ...['NaN', 'nan', '-', '--', '?', '.'],
];
const WORDS_IN_SQL = WORDS_FOR_NOTHING.map(literal).join(', ');
/** The texts of the column that is looked at: as they are, t, and without blanks around, v. */
const TEXTS = 'texts';
/** Readings that take fewer of the first texts are not looked at again. */
const NEARLY = 0.95;
const FIRST_TEXTS = 1_000;
/** White space as Unicode has it, and the byte order mark: what the step trim cuts off. */
const SPACES =
  ' \t\n\v\f\r\u0085\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000\ufeff';
/** Cutting off costs ten times what it costs to see that there is nothing to cut. */
const TRIMMED = `CASE WHEN regexp_matches(t, ${literal(`^[${SPACES}]|[${SPACES}]$`)}) THEN trim(t, ${literal(SPACES)}) ELSE t END`;

/**
 * @param source SQL that gives the texts as `t`
 * @param isRead whether they are to be read as something; otherwise nothing fits
 */
export async function findInTexts(db: Database, source: string, isRead: boolean): Promise<TextFindings> {
  await db.run(
    `CREATE OR REPLACE TEMP TABLE ${TEXTS} AS SELECT t, ${TRIMMED} AS v FROM (${source}) WHERE t IS NOT NULL`,
  );
  const [row = []] = await db.rows(
    `SELECT count(*), count(*) FILTER (v = ''), count(*) FILTER (t <> v AND v <> ''), coalesce(max(length(t)), 0),
       count(DISTINCT v), count(*) FILTER (v IN (${WORDS_IN_SQL})) FROM ${TEXTS}`,
  );
  const [present = 0, blank = 0, padded = 0, longest = 0, distinct = 0, wordRows = 0] = row.map(Number);
  const texts = `SELECT v FROM ${TEXTS} WHERE v <> '' AND v NOT IN (${WORDS_IN_SQL})`;
  const first = (await db.rows(`${texts} LIMIT ${FIRST_TEXTS}`)).map(([text]) => text ?? '');
  const found = { present, blank, padded, longest, distinct, wordRows, first };
  if (!isRead) return { ...found, words: [], fits: [] };
  const words = wordRows > 0 ? await wordsThatOccur(db) : [];
  return { ...found, words, ...(await fitsOf(db, texts, first, present - blank - wordRows)) };
}

async function wordsThatOccur(db: Database): Promise<string[]> {
  const rows = await db.rows(`SELECT DISTINCT v FROM ${TEXTS} WHERE v IN (${WORDS_IN_SQL}) ORDER BY v`);
  return rows.map(([word]) => word ?? '');
}

/** Asks all texts only about what nearly all of the first are. */
async function fitsOf(
  db: Database,
  texts: string,
  first: readonly string[],
  count: number,
): Promise<Pick<TextFindings, 'fits' | 'near'>> {
  const candidates = READINGS.filter((reading) => {
    const shape = shapeOf(reading);
    return first.length > 0 && first.filter((text) => shape.test(text)).length >= first.length * NEARLY;
  });
  const fits: Fit[] = [];
  let near: TextFindings['near'];
  for (const reading of candidates) {
    // One before it says the same with less.
    if (reading.point !== undefined && fits.some((fit) => fit.reading.point === reading.point)) continue;
    const { taken, exception, figures } = await ask(db, texts, reading);
    if (taken === count) fits.push({ reading, figures });
    if (taken === count && reading.isFinal) break;
    if (taken < count && taken >= count * NEARLY && taken > (near?.count ?? 0))
      near = { reading, count: taken, exception };
  }
  return { fits, ...(near === undefined ? {} : { near }) };
}

async function ask(
  db: Database,
  texts: string,
  { pattern, ignoresCase = false, valid = 'true', figures }: Reading,
): Promise<{ taken: number; exception: string; figures: Figures }> {
  const matches = `regexp_full_match(v, ${literal(pattern)}${ignoresCase ? ", 'i'" : ''})`;
  const names = Object.keys(figures);
  const asked = names.map((name) => `${figures[name] ?? 'NULL'} AS ${identifier(name)}`);
  const [[taken, exception, ...found] = []] = await db.rows(
    `SELECT count(*) FILTER (ok), any_value(v) FILTER (NOT ok) AS exception${asked.map((sql) => `, ${sql}`).join('')}
     FROM (SELECT v, coalesce(${matches} AND ${valid}, false) AS ok FROM (${texts}))`,
  );
  return {
    taken: Number(taken),
    exception: exception ?? '',
    figures: Object.fromEntries(names.map((name, index) => [name, found[index] ?? null])),
  };
}
