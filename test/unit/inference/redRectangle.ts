import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { stringify } from 'yaml';
import type { Box } from '../../../src/domain/index.js';
import { Graph } from './onnx.js';
import { temporaryFolder, type Settings } from './rig.js';

/**
 * A model that really detects: its graph looks for what is bright in the first channel and computes the box around it.
 * So a box is right only when colours, layout, size, place and scale of the picture in the input are.
 */

/** How a model takes pictures. */
export interface Taking {
  layout: 'nchw' | 'nhwc';
  type: 'float32' | 'float16' | 'uint8';
  color: 'rgb' | 'bgr';
  resize: 'letterbox-top-left' | 'letterbox-center' | 'stretch';
  batch: 'dynamic' | number;
}

export const TAKING: Taking = {
  layout: 'nchw',
  type: 'float32',
  color: 'rgb',
  resize: 'letterbox-center',
  batch: 'dynamic',
};

/** The input is wider than high, so that nothing can mistake one for the other. */
export const [WIDTH, HEIGHT] = [96, 64];

/** A row of the output: the box that was found, or another one in input pixels; undefined is the former. */
export interface Row {
  box?: readonly [xMin: number, yMin: number, xMax: number, yMax: number];
}

/** What the head of a model is built from. */
export class Detector {
  readonly graph = new Graph();
  /** [n, 1, 4]: corners in input pixels. */
  readonly #found: string;
  /** [n, 1, 1] of zeros: what is added to it has the batch dimension. */
  readonly #zero: string;

  constructor(readonly taking: Taking) {
    const { graph } = this;
    const { layout, type, batch } = taking;
    const size = [HEIGHT, WIDTH];
    const n = batch === 'dynamic' ? 'n' : batch;
    const images = graph.input('images', type, layout === 'nchw' ? [n, 3, ...size] : [n, ...size, 3]);
    const first = graph.node('Gather', [graph.cast(images, 'float32'), graph.constant([], [0], 'int64')], {
      axis: layout === 'nchw' ? 1 : 3,
    });
    // Floats come from 0 to 1. Brighter than the padding, 114 of 255.
    const bright = graph.node('Greater', [first, graph.constant([], [type === 'uint8' ? 127.5 : 0.5])]);
    const mask = graph.cast(bright, 'float32');
    const [xMin, xMax] = this.#extent(mask, WIDTH, { axis: 2, across: 1 });
    const [yMin, yMax] = this.#extent(mask, HEIGHT, { axis: 1, across: 2 });
    this.#found = graph.node('Concat', [xMin, yMin, xMax, yMax], { axis: 2 });
    this.#zero = graph.node('Mul', [xMax, graph.constant([], [0])]);
  }

  /** First and last place along an axis where the mask is 1 anywhere across, each [n, 1, 1]. */
  #extent(mask: string, length: number, { axis, across }: { axis: 1 | 2; across: 1 | 2 }): [string, string] {
    const { graph } = this;
    const shape = axis === 2 ? [1, 1, length] : [1, length, 1];
    const profile = graph.node('ReduceMax', [mask], { axes: [across], keepdims: 1 });
    const farthest = (distances: number[]): string =>
      graph.node('ReduceMax', [graph.node('Mul', [profile, graph.constant(shape, distances)])], {
        axes: [axis],
        keepdims: 1,
      });
    const fromStart = Array.from({ length }, (_, at) => at + 1);
    const first = graph.node('Sub', [graph.constant([], [length]), farthest(fromStart.toReversed())]);
    return [first, farthest(fromStart)];
  }

  /** [n, rows, 4]: corners in input pixels. */
  boxes(rows: readonly Row[]): string {
    const { graph } = this;
    const each = rows.map(({ box }) =>
      box ? graph.node('Add', [this.#zero, graph.constant([1, 1, 4], box)]) : this.#found,
    );
    return graph.node('Concat', each, { axis: 1 });
  }

  /** [n, rows, 4] of corners as centre and size. */
  centred(boxes: string): string {
    const toCentre = [0.5, 0, -1, 0, 0, 0.5, 0, -1, 0.5, 0, 1, 0, 0, 0.5, 0, 1];
    return this.graph.node('MatMul', [boxes, this.graph.constant([4, 4], toCentre)]);
  }

  /** [n, rows, columns] of known numbers. */
  numbers(rows: readonly (readonly number[])[]): string {
    const columns = rows[0]?.length ?? 0;
    return this.graph.node('Add', [this.#zero, this.graph.constant([1, rows.length, columns], rows.flat())]);
  }

  /** [n, numbers], or without a batch dimension [numbers]. */
  list(numbers: readonly number[], batchless = false): string {
    const shape = this.graph.constant([batchless ? 1 : 2], batchless ? [-1] : [0, -1], 'int64');
    return this.graph.node('Reshape', [this.numbers([numbers]), shape]);
  }

  /** The shape as a tensor of which ONNX Runtime can't even tell the length before it has a picture. */
  onlyKnownWhenItRuns(shape: readonly number[]): string {
    const { graph } = this;
    const zero = graph.cast(graph.node('ReduceMax', [this.#zero], { axes: [0, 1], keepdims: 0 }), 'int64');
    const end = graph.node('Add', [graph.constant([1], [shape.length], 'int64'), zero]);
    const start = graph.constant([1], [0], 'int64');
    return graph.node('Slice', [graph.constant([shape.length], shape, 'int64'), start, end]);
  }

  /** A folder with the model; removed when the test ends. */
  async folder(settings: Settings): Promise<string> {
    const dir = await temporaryFolder();
    const { layout, type, color, resize } = this.taking;
    const std = type === 'uint8' ? 1 : 255;
    const input = { width: WIDTH, height: HEIGHT, layout, type, color, resize, std: [std, std, std] };
    const model = {
      name: 'rectangles',
      file: 'model.onnx',
      license: 'Apache-2.0',
      scoreThreshold: 0.5,
      iouThreshold: 0.5,
    };
    await writeFile(join(dir, 'model.onnx'), this.graph.toFile());
    await writeFile(
      join(dir, 'model.yaml'),
      stringify({ ...model, input, classes: ['cat', 'dog', 'owl'], ...settings }),
    );
    return dir;
  }
}

/** A black picture with a red rectangle, and a blue one that a model of the wrong colour order would find. */
export function picture(width: number, height: number, red: Box, blue: Box): Promise<Buffer> {
  const rectangle = ({ xMin, yMin, xMax, yMax }: Box, colour: string) =>
    `<rect x="${xMin}" y="${yMin}" width="${xMax - xMin}" height="${yMax - yMin}" fill="${colour}"/>`;
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">${rectangle(red, '#f00')}${rectangle(blue, '#00f')}</svg>`;
  return sharp({ create: { width, height, channels: 3, background: '#000' } })
    .composite([{ input: Buffer.from(svg) }])
    .png()
    .toBuffer();
}
