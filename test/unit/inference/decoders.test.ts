import { describe, expect, onTestFinished, test } from 'vitest';
import type { Detection } from '../../../src/domain/index.js';
import {
  loadModel,
  ModelError,
  openSession,
  prepareImage,
  tensorLength,
  type Model,
  type ModelSession,
  type Prepared,
} from '../../../src/inference/model/index.js';
import { Detector, HEIGHT, picture, TAKING, WIDTH, type Row, type Taking } from './redRectangle.js';
import { CPU, detect, LIMITS, sharedTensor, type Settings } from './rig.js';

async function open(dir: string): Promise<{ model: Model; session: ModelSession }> {
  const model = await loadModel(dir);
  const session = await openSession(model, CPU);
  onTestFinished(() => session.close());
  return { model, session };
}

async function refusal(dir: string): Promise<string> {
  const error: unknown = await open(dir).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(ModelError);
  return String(error);
}

/** Found in the picture, then again with a lower score, then a box far away, then one that is not good enough. */
const ROWS: Row[] = [{}, {}, { box: [0, 0, WIDTH, HEIGHT] }, { box: [0, 0, 8, 8] }];
const CLASSES = [1, 1, 2, 0];
const SCORES = [0.75, 0.625, 0.625, 0.375];
/** Scores of the classes [cat, dog, owl] that come to the above. */
const CLASS_SCORES = [
  [0.25, 0.75, 0],
  [0, 0.625, 0.5],
  [0.125, 0.25, 0.625],
  [0.375, 0.25, 0],
];

interface Head {
  output: Settings;
  /** Adds outputs to the graph. */
  build: (detector: Detector) => void;
  settings?: Settings;
}

const batchOf = ({ taking }: Detector): number | string => (taking.batch === 'dynamic' ? 'n' : taking.batch);

/** One output of centred boxes and numbers behind them. */
function rowsHead(detector: Detector, numbers: number[][], transposed: boolean): void {
  const { graph } = detector;
  const rows = graph.node('Concat', [detector.centred(detector.boxes(ROWS)), detector.numbers(numbers)], { axis: 2 });
  const [count, length] = [ROWS.length, 4 + (numbers[0]?.length ?? 0)];
  if (transposed) graph.output('output0', 'float32', [batchOf(detector), count, length], rows);
  else
    graph.output(
      'output0',
      'float32',
      [batchOf(detector), length, count],
      graph.node('Transpose', [rows], { perm: [0, 2, 1] }),
    );
}

/** Three outputs, under other names and with other labels than by default. */
function endHead(
  labelType: 'int64' | 'int32' | 'float32',
  boxFormat: 'xyxy' | 'yxyx' | 'cxcywh',
  boxUnits: 'pixels' | 'relative',
  firstLabel: number,
): Head {
  return {
    output: {
      decoder: 'boxes-scores-labels',
      boxes: 'b',
      scores: 's',
      labels: 'l',
      boxFormat,
      boxUnits,
      firstLabel,
      nms: true,
    },
    build: (detector) => {
      const { graph } = detector;
      const n = batchOf(detector);
      let boxes = detector.boxes(ROWS);
      if (boxUnits === 'relative')
        boxes = graph.node('Div', [boxes, graph.constant([4], [WIDTH, HEIGHT, WIDTH, HEIGHT])]);
      if (boxFormat === 'cxcywh') boxes = detector.centred(boxes);
      if (boxFormat === 'yxyx')
        boxes = graph.node('Gather', [boxes, graph.constant([4], [1, 0, 3, 2], 'int64')], { axis: 2 });
      graph.output('b', 'float32', [n, 'found', 4], boxes);
      graph.output('s', 'float32', [n, 'found'], detector.list(SCORES));
      graph.output(
        'l',
        labelType,
        [n, 'found'],
        graph.cast(detector.list(CLASSES.map((at) => at + firstLabel)), labelType),
      );
    },
  };
}

const HEADS: Record<string, Head> = {
  yolov5: {
    output: { decoder: 'yolov5' },
    // 0.75 = 1 * 0.75, 0.625 = 0.625 * 1 ...: objectness and class count both.
    build: (detector) =>
      rowsHead(
        detector,
        [
          [1, 0.25, 0.75, 0],
          [0.625, 0, 1, 0.5],
          [0.625, 0.125, 0.25, 1],
          [0.75, 0.5, 0.25, 0],
        ],
        true,
      ),
  },
  yolov8: { output: { decoder: 'yolov8' }, build: (detector) => rowsHead(detector, CLASS_SCORES, false) },
  'yolov8, transposed': {
    output: { decoder: 'yolov8', transposed: true },
    build: (detector) => rowsHead(detector, CLASS_SCORES, true),
  },
  'yolo-end2end': {
    output: { decoder: 'yolo-end2end', nms: true },
    build: (detector) => {
      const rows = SCORES.map((score, at) => [score, CLASSES[at] ?? 0]);
      const { graph } = detector;
      const detections = graph.node('Concat', [detector.boxes(ROWS), detector.numbers(rows)], { axis: 2 });
      graph.output('output0', 'float32', [batchOf(detector), ROWS.length, 6], detections);
    },
  },
  'yolov8 in half precision, by the name of its output': {
    output: { decoder: 'yolov8', name: 'boxes' },
    build: (detector) => {
      const { graph } = detector;
      graph.output('protos', 'float32', [batchOf(detector), 1, 4], detector.boxes([{}]));
      const rows = graph.node('Concat', [detector.centred(detector.boxes(ROWS)), detector.numbers(CLASS_SCORES)], {
        axis: 2,
      });
      const halves = graph.cast(graph.node('Transpose', [rows], { perm: [0, 2, 1] }), 'float16');
      graph.output('boxes', 'float16', [batchOf(detector), 7, ROWS.length], halves);
    },
  },
  'boxes-scores': {
    output: { decoder: 'boxes-scores', boxes: 'boxes', scores: 'scores' },
    settings: { scoreThreshold: 0.55 },
    build: (detector) => {
      detector.graph.output('boxes', 'float32', [batchOf(detector), 4, 4], detector.boxes(ROWS));
      detector.graph.output('scores', 'float32', [batchOf(detector), 4, 3], detector.numbers(CLASS_SCORES));
    },
  },
  'boxes-scores-labels, int64, corners in pixels': endHead('int64', 'xyxy', 'pixels', 0),
  'boxes-scores-labels, int32, centres in pixels': endHead('int32', 'cxcywh', 'pixels', 1),
  'boxes-scores-labels, float32, y first, relative': endHead('float32', 'yxyx', 'relative', 1),
  'boxes-scores-labels, int64, centres, relative': endHead('int64', 'cxcywh', 'relative', 7),
};

/** 192 x 64 in an input of 96 x 64: borders at even pixels stay sharp, and there is room above and below. */
const RED = { xMin: 24, yMin: 16, xMax: 80, yMax: 48 };
const PICTURE = picture(192, 64, RED, { xMin: 120, yMin: 8, xMax: 176, yMax: 24 });
const EXPECTED: Detection[] = [
  { class: 'dog', score: 0.75, ...RED },
  { class: 'owl', score: 0.625, xMin: 0, yMin: 0, xMax: 192, yMax: 64 },
];

const TAKINGS: [string, Taking][] = (['nchw', 'nhwc'] as const).flatMap((layout) =>
  (['float32', 'float16', 'uint8'] as const).flatMap((type, shift) =>
    (['letterbox-top-left', 'letterbox-center', 'stretch'] as const).map((resize, at): [string, Taking] => {
      // Each type, each layout and each kind of resizing meets each kind of batch.
      const batch = (['dynamic', 1, 2] as const)[(at + shift + (layout === 'nchw' ? 0 : 1)) % 3] ?? 1;
      return [`${layout}, ${type}, ${resize}, batch ${batch}`, { ...TAKING, layout, type, resize, batch }];
    }),
  ),
);

async function openHead({ output, build, settings }: Head, taking: Taking) {
  const detector = new Detector(taking);
  build(detector);
  return open(await detector.folder({ ...settings, output }));
}

describe.each(Object.entries(HEADS))('%s', (_, head) => {
  test.each(TAKINGS)('finds the rectangle where it is in the picture: %s', async (_name, taking) => {
    const { model, session } = await openHead(head, taking);
    expect(session.maxBatch).toBe(taking.batch === 'dynamic' ? Infinity : taking.batch);
    expect((await detect(session, model, await PICTURE)).detections).toEqual(EXPECTED);
  });

  test('looks at the channel that the colour order says', async () => {
    const { model, session } = await openHead(head, { ...TAKING, color: 'bgr' });
    const [best] = (await detect(session, model, await PICTURE)).detections;
    expect(best).toEqual({ class: 'dog', score: 0.75, xMin: 120, yMin: 8, xMax: 176, yMax: 24 });
  });

  test.each(['dynamic', 3] as const)('gives each picture of a run its own boxes: batch %s', async (batch) => {
    const { model, session } = await openHead(head, { ...TAKING, batch });
    const length = tensorLength(model.input);
    const tensor = sharedTensor(model.input, 3);
    const reds = [RED, { xMin: 2, yMin: 2, xMax: 20, yMax: 62 }, { xMin: 160, yMin: 0, xMax: 192, yMax: 4 }];
    const prepared: Prepared[] = [];
    for (const [at, red] of reds.entries()) {
      const bytes = await picture(192, 64, red, { xMin: 100, yMin: 20, xMax: 140, yMax: 40 });
      const place = tensor.subarray(at * length, (at + 1) * length);
      prepared.push(await prepareImage(bytes, model.input, LIMITS, place));
    }
    const outputs = await session.run(tensor, 3);
    const found = prepared.map((one, at) => session.detections(outputs, at, one)[0]);
    expect(found).toEqual(reds.map((red) => ({ class: 'dog', score: 0.75, ...red })));
  });
});

describe('yolo-end2end', () => {
  const output = { decoder: 'yolo-end2end' };
  const noSuppression = { iouThreshold: undefined, output };
  function withRows(numbers: number[][]): Detector {
    const detector = new Detector(TAKING);
    const { graph } = detector;
    const rows = graph.node('Concat', [detector.boxes(numbers.map(() => ({}))), detector.numbers(numbers)], {
      axis: 2,
    });
    graph.output('output0', 'float32', ['n', numbers.length, 6], rows);
    return detector;
  }

  test('suppresses nothing by default, and ignores places that are empty and classes that are none', async () => {
    const rows = [
      [0.75, 1],
      [0.625, 1],
      [0.9, 3],
      [0.9, 0.5],
      [0.9, -1],
      [0, 0],
    ];
    const { model, session } = await open(await withRows(rows).folder(noSuppression));
    expect((await detect(session, model, await PICTURE)).detections).toEqual([
      { class: 'dog', score: 0.75, ...RED },
      { class: 'dog', score: 0.625, ...RED },
    ]);
  });

  test('refuses the raw output of another YOLO', async () => {
    const detector = new Detector(TAKING);
    rowsHead(detector, CLASS_SCORES, false);
    expect(await refusal(await detector.folder(noSuppression))).toContain(
      "output.decoder, classes: has the output 'output0' float32 [n, 7, 4] instead of float32 [any, any, 6]",
    );
  });
});

describe.each(['yolov5', 'yolov8', 'yolox', 'fastestdet', 'yolo-end2end'])('%s', (decoder) => {
  test('with the name of an output that is not there is told those that are', async () => {
    const detector = new Detector(TAKING);
    detector.graph.output('protos', 'float32', ['n', 1, 4], detector.boxes([{}]));
    detector.graph.output('boxes', 'float32', ['n', 1, 4], detector.boxes([{}]));
    const iouThreshold = decoder === 'yolo-end2end' ? undefined : 0.5;
    expect(await refusal(await detector.folder({ output: { decoder, name: 'output9' }, iouThreshold }))).toContain(
      "output.name, output.decoder, classes: has the outputs 'protos' float32 [n, 1, 4], 'boxes' float32 [n, 1, 4]; 'output9' is missing",
    );
  });
});

describe('boxes-scores-labels', () => {
  const defaults = { decoder: 'boxes-scores-labels' };
  const noSuppression = { iouThreshold: undefined };
  /** The outputs under their default names, and what differs. */
  function build(
    detector: Detector,
    labels: readonly number[],
    options: { batchless?: boolean; boxes?: Row[] } = {},
  ): void {
    const { graph } = detector;
    const { batchless = false, boxes = ROWS } = options;
    const n = batchless ? [] : [batchOf(detector)];
    const corners = detector.boxes(boxes);
    const flat = graph.node('Reshape', [corners, graph.constant([2], [-1, 4], 'int64')]);
    graph.output('boxes', 'float32', [...n, 'found', 4], batchless ? flat : corners);
    graph.output('scores', 'float32', [...n, 'found'], detector.list(SCORES, batchless));
    graph.output('labels', 'int64', [...n, 'found'], graph.cast(detector.list(labels, batchless), 'int64'));
  }
  async function found(
    labels: readonly number[],
    output: Settings = {},
    options: { batchless?: boolean } = {},
    taking = TAKING,
  ) {
    const detector = new Detector(taking);
    build(detector, labels, options);
    const settings = output['nms'] === true ? {} : noSuppression;
    const { model, session } = await open(await detector.folder({ ...settings, output: { ...defaults, ...output } }));
    const { detections } = await detect(session, model, await PICTURE);
    return { session, classes: detections.map((one) => [one.class, one.score]), detections };
  }

  test('suppresses nothing by default: the model has done it', async () => {
    expect((await found(CLASSES)).classes).toEqual([
      ['dog', 0.75],
      ['dog', 0.625],
      ['owl', 0.625],
    ]);
    expect((await found(CLASSES, { nms: true })).classes).toEqual([
      ['dog', 0.75],
      ['owl', 0.625],
    ]);
  });

  test('ignores labels that are no class: the background, and those beyond the list', async () => {
    expect((await found([0, 1, 4, 1], { firstLabel: 1 })).classes).toEqual([['cat', 0.625]]);
    expect((await found([3, 16_777_217, 2, 1])).classes).toEqual([['owl', 0.625]]);
  });

  test('gives labels that are no class none of the 300 places', async () => {
    const detector = new Detector(TAKING);
    const { graph } = detector;
    const boxes = detector.numbers(Array.from({ length: 301 }, (_, at) => [0, 20, 8, at === 300 ? 30 : 40]));
    graph.output('boxes', 'float32', ['n', 301, 4], boxes);
    graph.output(
      'scores',
      'float32',
      ['n', 301],
      detector.list(Array.from({ length: 301 }, (_, at) => (at === 300 ? 0.5 : 1))),
    );
    const labels = detector.list(Array.from({ length: 301 }, (_, at) => (at === 300 ? 1 : 9)));
    graph.output('labels', 'int64', ['n', 301], graph.cast(labels, 'int64'));
    const { model, session } = await open(await detector.folder({ ...noSuppression, output: defaults }));
    expect((await detect(session, model, await PICTURE)).detections).toMatchObject([{ class: 'dog', score: 0.5 }]);
  });

  test('reads outputs of one picture without a batch dimension, and then runs one picture at a time', async () => {
    const { session, detections } = await found(CLASSES, { nms: true }, { batchless: true });
    expect(session.maxBatch).toBe(1);
    expect(detections).toEqual(EXPECTED);
    expect((await found(CLASSES, { nms: true }, { batchless: true }, { ...TAKING, batch: 1 })).detections).toEqual(
      EXPECTED,
    );
  });

  test('refuses outputs without a batch dimension of a model that runs several pictures, and names them', async () => {
    const detector = new Detector({ ...TAKING, batch: 2 });
    build(detector, CLASSES, { batchless: true });
    const message = await refusal(await detector.folder({ ...noSuppression, output: defaults }));
    expect(message).toContain("has the output 'boxes' float32 [8, 4] without a batch dimension, but runs 2 pictures");
    expect(message).toContain("has the output 'labels' int64 [8] without a batch dimension");
  });

  test('tells a second input the size of the input, so that boxes are in its pixels', async () => {
    const detector = new Detector(TAKING);
    const { graph } = detector;
    const sizes = graph.cast(graph.input('orig_target_sizes', 'int64', ['n', 2]), 'float32');
    // As RT-DETR: boxes from 0 to 1, times [width, height, width, height].
    const twice = graph.node('Reshape', [
      graph.node('Concat', [sizes, sizes], { axis: 1 }),
      graph.constant([3], [0, 1, 4], 'int64'),
    ]);
    const unit = graph.node('Div', [detector.boxes(ROWS), graph.constant([4], [WIDTH, HEIGHT, WIDTH, HEIGHT])]);
    graph.output('boxes', 'float32', ['n', 4, 4], graph.node('Mul', [unit, twice]));
    graph.output('scores', 'float32', ['n', 4], detector.list(SCORES));
    graph.output('labels', 'int64', ['n', 4], graph.cast(detector.list(CLASSES), 'int64'));
    const input = {
      width: WIDTH,
      height: HEIGHT,
      layout: 'nchw',
      type: 'float32',
      color: 'rgb',
      resize: 'letterbox-center',
      std: [255, 255, 255],
    };
    const output = { ...defaults, nms: true };
    const { model, session } = await open(
      await detector.folder({ output, input: { ...input, sizeInput: 'orig_target_sizes' } }),
    );
    expect((await detect(session, model, await PICTURE)).detections).toEqual(EXPECTED);
    expect(await refusal(await detector.folder({ output, input }))).toContain(
      "input.sizeInput: has the inputs 'images'",
    );
    expect(await refusal(await detector.folder({ output, input: { ...input, sizeInput: 'sizes' } }))).toContain(
      "'sizes' is missing",
    );
  });

  test('refuses outputs of a type that it does not read, and names those that it does', async () => {
    const detector = new Detector(TAKING);
    const { graph } = detector;
    graph.output('boxes', 'float32', ['n', 4, 4], detector.boxes(ROWS));
    graph.output('scores', 'int64', ['n', 4], graph.cast(detector.list(SCORES), 'int64'));
    graph.output('labels', 'uint8', ['n', 4], graph.cast(detector.list(CLASSES), 'uint8'));
    const message = await refusal(await detector.folder({ ...noSuppression, output: defaults }));
    expect(message).toContain("output.scores: has the output 'scores' int64 [n, 4] instead of float32 [any, any], ");
    expect(message).toContain(
      "output.labels: has the output 'labels' uint8 [n, 4] instead of int64 or int32 or float32 [any, any], ",
    );
  });
});

describe('a shape that the ONNX file leaves open', () => {
  const output = { decoder: 'yolov8' };
  test.each<[string, readonly string[] | undefined]>([
    ['its dimensions', ['n', 'channels', 'count']],
    ['even their number', undefined],
  ])('is held against model.yaml in the first run: %s', async (_, shape) => {
    const detector = new Detector(TAKING);
    const { graph } = detector;
    const rows = graph.node('Concat', [detector.boxes(ROWS), detector.numbers(CLASS_SCORES)], { axis: 2 });
    const transposed = graph.node('Transpose', [rows], { perm: [0, 2, 1] });
    const known = detector.onlyKnownWhenItRuns([1, 7, 4]);
    graph.output('output0', 'float32', shape, graph.node('Reshape', [transposed, known]));
    const { session } = await open(await detector.folder({ output }));
    expect(session.outputs).toEqual([{ name: 'output0', type: 'float32', shape: shape ?? [] }]);
    const message = await refusal(await detector.folder({ output, classes: ['cat', 'dog'] }));
    expect(message).toContain("classes: output 'output0' is [1, 7, 4] after a run, not [1, 6, any]");
  });

  test('may turn out to have no batch dimension, which is refused unless the model runs one picture', async () => {
    const folder = (batch: Taking['batch']): Promise<string> => {
      const detector = new Detector({ ...TAKING, batch });
      const { graph } = detector;
      const rows = graph.node('Concat', [detector.boxes(ROWS), detector.numbers(CLASS_SCORES)], { axis: 2 });
      const transposed = graph.node('Transpose', [rows], { perm: [0, 2, 1] });
      const known = detector.onlyKnownWhenItRuns([7, 4]);
      graph.output('output0', 'float32', undefined, graph.node('Reshape', [transposed, known]));
      return detector.folder({ output });
    };
    await open(await folder(1));
    expect(await refusal(await folder('dynamic'))).toContain("output 'output0' is [7, 4] after a run, not [1, 7, any]");
  });
});
