import sharp from 'sharp';
import type { Detection } from '../../../domain/index.js';
import { annotate, type Score } from '../../../scenes/index.js';
import type { LandedRow } from '../landing.js';
import type { Picture } from '../pictures.js';

/** An image with its row, offered for the report. */
export interface Candidate {
  picture: Picture;
  row: LandedRow;
  detections: readonly Detection[];
  score?: Score;
}

/** An annotated picture in the report. */
export interface Figure {
  name: string;
  /** data: URI; undefined where nothing of it can be shown. */
  source: string | undefined;
  caption: string;
}

const FIGURES = 12;
/** Of them with mistakes, when there are any: a report that shows only successes shows nothing. */
const WITH_MISTAKES = 3;
const BROKEN = 8;
const MAX_SIDE = 720;

/** Picks a dozen pictures, spread over the run, while the rows are read: no more than those are kept. */
export class Gallery {
  readonly #every: number;
  #seen = 0;
  readonly #spread: Candidate[] = [];
  readonly #mistaken: Candidate[] = [];
  readonly #dead: Candidate[] = [];

  /** @param images that will be offered, about */
  constructor(images: number) {
    this.#every = Math.max(1, Math.floor(images / (1.5 * FIGURES)));
  }

  offer(candidate: Candidate): void {
    const { row, detections, score } = candidate;
    if (row.status !== 'detected') {
      if (this.#dead.length < BROKEN) this.#dead.push(candidate);
      return;
    }
    if (score && score.falsePositives + score.missed > 0) {
      if (this.#mistaken.length < WITH_MISTAKES) this.#mistaken.push(candidate);
      return;
    }
    this.#seen += 1;
    // An empty picture may be right and is still dull.
    if (detections.length > 0 && this.#seen >= this.#spread.length * this.#every && this.#spread.length < FIGURES)
      this.#spread.push(candidate);
  }

  async figures(showTruth: boolean): Promise<Figure[]> {
    const good = this.#spread.slice(0, FIGURES - this.#mistaken.length);
    const figures: Figure[] = [];
    for (const { picture, detections, row, score } of [...good, ...this.#mistaken]) {
      const { bytes, truth } = await picture.load();
      const annotated = await annotate(bytes, detections, showTruth ? truth : []);
      const verdict = score ? `, ${verdictOf(score)}` : '';
      figures.push({
        name: picture.name,
        source: uri(await shrink(annotated)),
        caption: `${detections.length} found${verdict}; stored after ${((row.storedAtMs - row.uploadedAtMs) / 1000).toFixed(1)} s`,
      });
    }
    return figures;
  }

  /** The dead with their reasons; a browser shows what is left of them. */
  async broken(): Promise<(Figure & { reason: string; detail: string })[]> {
    const figures: (Figure & { reason: string; detail: string })[] = [];
    for (const { picture, row } of this.#dead) {
      const { bytes } = await picture.load();
      const source = picture.kind === 'gone' ? undefined : await remains(bytes);
      figures.push({
        name: picture.name,
        source,
        caption: picture.story ?? '',
        reason: row.reason,
        detail: row.detail,
      });
    }
    return figures;
  }
}

function verdictOf({ falsePositives, missed }: Score): string {
  if (falsePositives + missed === 0) return 'all right';
  return [...(missed > 0 ? [`${missed} missed`] : []), ...(falsePositives > 0 ? [`${falsePositives} wrong`] : [])].join(
    ', ',
  );
}

/** As much of a broken picture as can be decoded, if any. */
async function remains(bytes: Buffer): Promise<string | undefined> {
  if (bytes.length === 0) return undefined;
  try {
    return uri(await shrink(bytes));
  } catch {
    return undefined;
  }
}

function shrink(bytes: Buffer): Promise<Buffer> {
  return sharp(bytes, { failOn: 'none' })
    .flatten({ background: '#ffffff' })
    .resize(MAX_SIDE, MAX_SIDE, { fit: 'inside', withoutEnlargement: true })
    .jpeg({ quality: 84 })
    .toBuffer();
}

function uri(jpeg: Buffer): string {
  return `data:image/jpeg;base64,${jpeg.toString('base64')}`;
}
