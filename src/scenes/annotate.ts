import sharp from 'sharp';
import type { Box, Detection } from '../domain/index.js';

/**
 * The picture with what was found drawn over it: a box in the colour of its class, with class and score.
 * What is really there, where it is known, is drawn dashed in white. Labels need a font on the machine.
 */
export async function annotate(
  picture: Buffer,
  found: readonly Detection[],
  truth: readonly Box[] = [],
  format: 'jpeg' | 'png' = 'jpeg',
): Promise<Buffer> {
  const { width, height } = (await sharp(picture).metadata()).autoOrient;
  // As thick on a photo that a report shrinks as on a small one.
  const line = Math.max(1, Math.max(width, height) / 320);
  const drawn = [
    ...truth.map((box) => expected(box, line)),
    // The best ones on top: a doubtful box in the same place would hide their labels.
    ...found.toSorted((a, b) => a.score - b.score).map((detection) => label(detection, line, width)),
  ];
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">${drawn.join('')}</svg>`;
  const annotated = sharp(picture)
    .autoOrient()
    .composite([{ input: Buffer.from(svg) }]);
  return (format === 'png' ? annotated.png() : annotated.jpeg({ quality: 88 })).toBuffer();
}

function expected(box: Box, line: number): string {
  const dashes = `stroke-dasharray="${line * 4} ${line * 3}"`;
  return `${rectangle(box)} fill="none" stroke="black" stroke-width="${line * 2}" stroke-opacity="0.5" ${dashes}/>${rectangle(box)} fill="none" stroke="white" stroke-width="${line}" ${dashes}/>`;
}

function label(detection: Detection, line: number, pictureWidth: number): string {
  const colour = classColour(detection.class);
  const text = `${detection.class} ${detection.score.toFixed(2)}`;
  const size = line * 9;
  const height = size * 1.3;
  const width = (text.length * 0.6 + 0.5) * size;
  const x = Math.max(0, Math.min(detection.xMin, pictureWidth - width));
  const y = detection.yMin >= height ? detection.yMin - height : detection.yMin;
  const font = `font-family="DejaVu Sans Mono, Liberation Mono, monospace" font-size="${size}"`;
  return [
    `${rectangle(detection)} fill="none" stroke="${colour}" stroke-width="${line * 1.5}"/>`,
    `<rect x="${x}" y="${y}" width="${width}" height="${height}" fill="${colour}" fill-opacity="0.85"/>`,
    `<text x="${x + size * 0.25}" y="${y + size}" ${font} fill="black">${escape(text)}</text>`,
  ].join('');
}

/** Without its end, so that the caller adds how it is painted. */
function rectangle({ xMin, yMin, xMax, yMax }: Box): string {
  return `<rect x="${xMin}" y="${yMin}" width="${xMax - xMin}" height="${yMax - yMin}"`;
}

/** The same colour for a class in every picture. */
function classColour(name: string): string {
  let hash = 0;
  for (const character of name) hash = (hash * 31 + (character.codePointAt(0) ?? 0)) % 360;
  return `hsl(${hash}, 90%, 60%)`;
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
