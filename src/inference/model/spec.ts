import { z } from 'zod';
import { MODEL_NAME } from '../../domain/index.js';
import { BOX_FORMATS } from './decoders/corners.js';

/** The format of model.yaml. Unknown keys are errors, because a typing mistake would otherwise run with a default. */

const oneOf = <const T extends readonly [string, ...string[]]>(values: T) =>
  z.enum(values, { error: `one of ${values.join(', ')}` });
const numberBetween = (min: number, max: number) => {
  const error = `a number from ${min} to ${max}`;
  return z.number({ error }).min(min, { error }).max(max, { error });
};
const integerBetween = (min: number, max: number) => {
  const error = `a whole number from ${min} to ${max}`;
  return z.int({ error }).min(min, { error }).max(max, { error });
};
const text = (max: number) => {
  const error = `text of 1 to ${max} characters`;
  return z.string({ error }).min(1, { error }).max(max, { error });
};
const perChannel = (error: string, valid: (value: number) => boolean) => {
  const channel = z.number({ error }).refine(valid, { error });
  return z.tuple([channel, channel, channel], { error });
};
const strides = z.array(integerBetween(1, 1024), { error: 'a list of whole numbers, like [8, 16, 32]' }).min(1);
const tensorName = text(256);
const yesOrNo = z.boolean({ error: 'true or false' });

const inputSchema = z
  .strictObject(
    {
      width: integerBetween(1, 8192),
      height: integerBetween(1, 8192),
      /** Order of dimensions: [batch, channel, row, column] or [batch, row, column, channel]. */
      layout: oneOf(['nchw', 'nhwc']),
      /** float16: as models exported with half precision take it. */
      type: oneOf(['float32', 'float16', 'uint8']),
      color: oneOf(['rgb', 'bgr']),
      resize: oneOf(['letterbox-top-left', 'letterbox-center', 'stretch']),
      /** Value around a letterboxed picture, each channel, before mean and std. */
      pad: integerBetween(0, 255).default(114),
      /** Subtracted, in the colour order above. */
      mean: perChannel('three numbers', Number.isFinite).default([0, 0, 0]),
      /** Divided by, after the mean. */
      std: perChannel('three numbers other than 0', (value) => Number.isFinite(value) && value !== 0).default([
        1, 1, 1,
      ]),
      /** A second input, int64 [batch, 2], that is told width and height of the input, so that boxes are in its pixels. */
      sizeInput: tensorName.optional(),
    },
    { error: 'width, height, layout, type, color and resize of the input' },
  )
  .refine((input) => input.type !== 'uint8' || (isAll(input.mean, 0) && isAll(input.std, 1)), {
    path: ['mean'],
    error: 'with type uint8 the mean is [0, 0, 0] and the std [1, 1, 1]: the model normalises by itself',
  });

const DECODERS = [
  'boxes-scores',
  'boxes-scores-labels',
  'yolov5',
  'yolov8',
  'yolo-end2end',
  'yolox',
  'fastestdet',
  'none',
] as const;

/** Of a decoder that reads one output: which one. Default: the first. */
const oneOutput = { name: tensorName.optional() };

const outputSchema = z.discriminatedUnion(
  'decoder',
  [
    /** Boxes [n, count, 4] as xMin, yMin, xMax, yMax in input pixels; scores [n, count, classes]. */
    z.strictObject({ decoder: z.literal('boxes-scores'), boxes: tensorName, scores: tensorName }),
    /** Boxes [n, count, 4], scores [n, count], labels [n, count]: the detections themselves. */
    z.strictObject({
      decoder: z.literal('boxes-scores-labels'),
      boxes: tensorName.default('boxes'),
      scores: tensorName.default('scores'),
      labels: tensorName.default('labels'),
      boxFormat: oneOf(BOX_FORMATS).default('xyxy'),
      /** Input pixels, or 0 to 1 of the input. */
      boxUnits: oneOf(['pixels', 'relative']).default('pixels'),
      /** Label of the first class: 1 where 0 is the background. Labels without a class are no detections. */
      firstLabel: integerBetween(0, 10_000).default(0),
      /** Whether overlapping boxes of a class are suppressed once more. */
      nms: yesOrNo.default(false),
    }),
    /** Boxes [n, count, 5 + classes]: centre and size in input pixels, objectness, classes. */
    z.strictObject({ decoder: z.literal('yolov5'), ...oneOutput }),
    /** Boxes [n, 4 + classes, count], or transposed [n, count, 4 + classes]: centre and size in input pixels, classes. */
    z.strictObject({ decoder: z.literal('yolov8'), ...oneOutput, transposed: yesOrNo.default(false) }),
    /** Detections [n, count, 6]: corners in input pixels, score, class. `nms`: as above. */
    z.strictObject({ decoder: z.literal('yolo-end2end'), ...oneOutput, nms: yesOrNo.default(false) }),
    /** Raw grids [n, cells, 5 + classes] of the strides in order. */
    z.strictObject({ decoder: z.literal('yolox'), ...oneOutput, strides: strides.default([8, 16, 32]) }),
    /** One grid [n, 5 + classes, rows, columns]. */
    z.strictObject({ decoder: z.literal('fastestdet'), ...oneOutput }),
    /** No model at all: nothing is ever detected. For benchmarks of everything around the model. */
    z.strictObject({ decoder: z.literal('none') }),
  ],
  { error: `one of the decoders ${DECODERS.join(', ')}` },
);

const CLASSES = 'a list of class names, or a file with one name a line';

export const modelFileSchema = z.strictObject(
  {
    name: z
      .string({ error: 'the name of the model' })
      .regex(MODEL_NAME, { error: '1 to 63 of a-z, 0-9, dot, dash, underscore; it names a queue' }),
    /** ONNX file, relative to model.yaml. Absent only for the decoder `none`. */
    file: text(1024).optional(),
    license: text(256),
    input: inputSchema.optional(),
    output: outputSchema,
    scoreThreshold: numberBetween(0, 1).optional(),
    iouThreshold: numberBetween(0, 1).optional(),
    classes: z.union([text(1024), z.array(text(128), { error: CLASSES }).min(1, { error: CLASSES })], {
      error: CLASSES,
    }),
  },
  { error: 'a YAML map with name, file, license, input, output, scoreThreshold, iouThreshold, classes' },
);

export type InputSpec = z.infer<typeof inputSchema>;
export type OutputSpec = z.infer<typeof outputSchema>;
export type ModelFile = z.infer<typeof modelFileSchema>;

/** What is wrong with a parsed model.yaml, one line a key: `input.layout: one of nchw, nhwc`. */
export function describeIssues(error: z.ZodError): string[] {
  return error.issues.flatMap((issue) => {
    const path = issue.path.map(String);
    if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => `${[...path, key].join('.')}: no such key`);
    const key = path.join('.');
    return [key === '' ? issue.message : `${key}: ${issue.message}`];
  });
}

function isAll(values: readonly number[], expected: number): boolean {
  return values.every((value) => value === expected);
}
