import sharp, { type Sharp } from 'sharp';
import type { Box } from '../domain/index.js';
import { addNoise } from './noise.js';
import { seededRandom, type Random } from './random.js';
import { drawShape, SHAPES, type Shape } from './shapes.js';

/** A drawn shape and where it is: pixels, inside the picture. */
export interface SceneObject extends Box {
  class: Shape;
}

/** A generated picture and everything that is to be found in it. */
export interface Scene {
  jpeg: Buffer;
  width: number;
  height: number;
  objects: SceneObject[];
}

export interface SceneSize {
  width: number;
  height: number;
}

/**
 * The scene of a seed: up to six shapes on a coloured background with lines that only distract, blurred, darkened and
 * noisy. The same seed gives the same scene with the same version of sharp. Size by the seed (256x256 to 640x480) unless
 * one is given. The demo's pictures and the default model's training pictures come from here.
 */
export async function scene(seed: number | string, size?: SceneSize): Promise<Scene> {
  const random = seededRandom(seed);
  const chosen = random.pick(SIZES);
  const { width, height } = size ?? chosen;
  const background = await drawBackground(random, { width, height });
  const lines = drawLines(random, { width, height });
  const { objects, svg } = drawObjects(random, { width, height }, background);
  const drawn = await overlay(background, { width, height }, [...lines, ...svg]);
  const sharpness = random.between(0, 1) < 0.4 ? random.between(0.3, 1.3) : 0;
  const pixels = sharpness === 0 ? drawn : await raw(drawn, { width, height }).blur(sharpness).raw().toBuffer();
  addNoise(pixels, random, { brightness: random.between(0.7, 1.2), deviation: random.between(0, 14) });
  const jpeg = await raw(pixels, { width, height }).jpeg({ quality: 90 }).toBuffer();
  return { jpeg, width, height, objects };
}

const SIZES: readonly [SceneSize, ...SceneSize[]] = [
  { width: 256, height: 256 },
  { width: 320, height: 240 },
  { width: 384, height: 384 },
  { width: 400, height: 300 },
  { width: 480, height: 640 },
  { width: 512, height: 384 },
  { width: 640, height: 480 },
];

type Colour = readonly [red: number, green: number, blue: number];

/** A few random colours that run into each other. */
async function drawBackground(random: Random, { width, height }: SceneSize): Promise<Buffer> {
  const side = random.integer(2, 9);
  const colours = Buffer.from(Array.from({ length: side * side * 3 }, () => random.integer(0, 256)));
  return raw(colours, { width: side, height: side })
    .resize(width, height, { fit: 'fill', kernel: 'cubic' })
    .raw()
    .toBuffer();
}

function drawLines(random: Random, { width, height }: SceneSize): string[] {
  return Array.from({ length: random.integer(0, 12) }, () => {
    const ends = `x1="${random.integer(0, width)}" y1="${random.integer(0, height)}" x2="${random.integer(0, width)}" y2="${random.integer(0, height)}"`;
    return `<line ${ends} stroke="${css(anyColour(random))}" stroke-width="${random.integer(1, 5)}"/>`;
  });
}

function drawObjects(
  random: Random,
  { width, height }: SceneSize,
  background: Uint8Array,
): { objects: SceneObject[]; svg: string[] } {
  const objects: SceneObject[] = [];
  const svg: string[] = [];
  const side = Math.min(width, height);
  for (let tries = random.integer(0, 7); tries > 0; tries--) {
    const radius = Math.exp(random.between(Math.log(side * 0.045), Math.log(side * 0.27)));
    const x = random.between(radius * 0.7, width - radius * 0.7);
    const y = random.between(radius * 0.7, height - radius * 0.7);
    const shape = random.pick(SHAPES);
    const turn = random.between(0, 2 * Math.PI);
    if (objects.some((other) => crowds(other, x, y, radius))) continue;
    const at = (Math.trunc(y) * width + Math.trunc(x)) * 3;
    const colour = visibleColour(random, background.subarray(at, at + 3));
    const drawn = drawShape(shape, x, y, radius, turn, css(colour));
    svg.push(drawn.svg);
    objects.push({
      class: shape,
      xMin: cents(Math.max(0, drawn.box.xMin)),
      yMin: cents(Math.max(0, drawn.box.yMin)),
      xMax: cents(Math.min(width, drawn.box.xMax)),
      yMax: cents(Math.min(height, drawn.box.yMax)),
    });
  }
  return { objects, svg };
}

/** Shapes may touch, but none may hide most of another: then what is to be found would be a matter of taste. */
function crowds(other: Box, x: number, y: number, radius: number): boolean {
  const acrossX = Math.abs(x - (other.xMin + other.xMax) / 2) / (radius + (other.xMax - other.xMin) / 2);
  const acrossY = Math.abs(y - (other.yMin + other.yMax) / 2) / (radius + (other.yMax - other.yMin) / 2);
  return Math.max(acrossX, acrossY) < 0.8;
}

function visibleColour(random: Random, background: Uint8Array): Colour {
  let colour = anyColour(random);
  for (let tries = 0; tries < 20; tries++) {
    const contrast = colour.reduce((sum, value, channel) => sum + Math.abs(value - (background[channel] ?? 0)), 0);
    if (contrast > 150) return colour;
    colour = anyColour(random);
  }
  return colour;
}

async function overlay(pixels: Buffer, size: SceneSize, elements: string[]): Promise<Buffer> {
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${size.width}" height="${size.height}">${elements.join('')}</svg>`;
  return raw(pixels, size)
    .composite([{ input: Buffer.from(svg) }])
    .removeAlpha()
    .raw()
    .toBuffer();
}

function raw(pixels: Uint8Array, { width, height }: SceneSize): Sharp {
  return sharp(pixels, { raw: { width, height, channels: 3 } });
}

function anyColour(random: Random): Colour {
  return [random.integer(0, 256), random.integer(0, 256), random.integer(0, 256)];
}

function css(colour: Colour): string {
  return `rgb(${colour.join(',')})`;
}

function cents(value: number): number {
  return Math.round(value * 100) / 100;
}
