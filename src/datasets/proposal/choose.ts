import type { Fit, TextFindings } from './findings.js';
import { figure, type Typed } from './reading.js';

/** What stands before a fraction in this file. */
export type Point = '.' | ',';

/**
 * How the numbers of a file are written, by the columns that can be read in one way only: 1.234 may be one and a bit, or
 * more than a thousand. Without any, by the delimiter: where it is a semicolon, commas are taken.
 */
export function pointOf(
  columns: readonly { name: string; fits: readonly Fit[] }[],
  delimiter: string | undefined,
): Point {
  const sure = { '.': 0, ',': 0 };
  for (const { name, fits } of columns) {
    const points = new Set(proposalsOf(fits, name).map(({ reading }) => reading.point));
    if (points.size !== 1) continue;
    const [point] = points;
    if (point !== undefined) sure[point] += 1;
  }
  if (sure['.'] > 0 === sure[','] > 0) return delimiter === ';' ? ',' : '.';
  return sure[','] > 0 ? ',' : '.';
}

/** What a column is by its texts; a text where they can be read in several ways that nothing decides. */
export function choose(findings: TextFindings, name: string, point: Point): Typed {
  const proposals = proposalsOf(findings.fits, name);
  const [first] = proposals;
  if (first === undefined) return nearly(findings);
  const other = proposals.find(({ reading }) => reading.format !== undefined && reading !== first.reading);
  if (first.reading.format !== undefined && other !== undefined)
    return text([
      `Dates, but which part is the day? Say it: clean: [{ time: { format: '${first.reading.format}' } }] or '${other.reading.format ?? ''}', and a type like ${first.typed.type}.`,
    ]);
  if (first.reading.point === undefined) return first.typed;
  const usual = proposals.find(({ reading }) => reading.point === point) ?? first;
  const isAmbiguous = proposals.some(
    ({ reading }) => reading.point !== undefined && reading.point !== usual.reading.point,
  );
  if (!isAmbiguous) return usual.typed;
  const mark = usual.reading.point === '.' ? 'point' : 'comma';
  return {
    ...usual.typed,
    notes: [
      ...usual.typed.notes,
      `Read with a decimal ${mark}, as the rest of the file; by themselves they could be read otherwise too.`,
    ],
  };
}

function proposalsOf(fits: readonly Fit[], name: string): { reading: Fit['reading']; typed: Typed }[] {
  return fits.flatMap(({ reading, figures }) => {
    const typed = reading.propose(figures, name);
    return typed === undefined ? [] : [{ reading, typed }];
  });
}

function nearly({ near, present, blank, wordRows }: TextFindings): Typed {
  if (near === undefined) return text([]);
  const others = present - blank - wordRows - near.count;
  const note = `${figure(near.count)} are ${near.reading.are}; ${figure(others)} ${others === 1 ? 'is' : 'are'} not, and make it a text.`;
  return { ...text([note]), exception: near.exception };
}

function text(notes: string[]): Typed {
  return { type: 'String', kind: 'text', clean: [], notes };
}
