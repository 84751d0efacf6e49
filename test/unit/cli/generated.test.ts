import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import { generatedFiles } from '../../../src/cli/generatedFiles.js';
import { environmentSchema } from '../../../src/config/index.js';
import {
  DEAD_LETTER_REASONS,
  IMAGE_REASONS,
  deadLetterSchema,
  imageEventSchema,
  imageResultSchema,
  type DeadLetter,
  type ImageEvent,
  type ImageResult,
} from '../../../src/domain/index.js';

const root = new URL('../../../', import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, root), 'utf8');

const image = { bucket: 'uploads', object: 'a/dog.jpg', generation: '1587627537231057' };
const event: ImageEvent = {
  v: 1,
  id: '0b8f1c1e-6a0e-4b0e-9a39-3a7c2d0a6f11',
  sourceId: '1096434104173400',
  ...image,
  uploadedAtMs: 1_587_627_537_230,
  receivedAtMs: 1_587_627_538_000,
  contentType: 'image/jpeg',
  sizeBytes: 352,
  model: 'shapes',
};
const result: ImageResult = {
  v: 1,
  ...image,
  model: 'shapes@0123abcd',
  status: 'detected',
  width: 640,
  height: 480,
  detections: [{ class: 'circle', score: 0.93, xMin: 10.5, yMin: 20, xMax: 50, yMax: 70.25 }],
  uploadedAtMs: 1_587_627_537_230,
  receivedAtMs: 1_587_627_538_000,
  detectedAtMs: 1_587_627_539_000,
  attempts: 1,
  workflowId: 'detect/penstock.image-events.bulk/0/0-01234567',
  runId: '0b8f1c1e-6a0e-4b0e-9a39-3a7c2d0a6f11',
};
const letter: DeadLetter = {
  v: 1,
  id: '0b8f1c1e-6a0e-4b0e-9a39-3a7c2d0a6f11',
  source: 'intake',
  reason: 'UNPARSABLE',
  detail: 'body: no JSON',
  origin: 'POST /events/gcs (binary)',
  payload: '{',
  payloadEncoding: 'utf8',
  payloadTruncated: false,
  receivedAtMs: 1_587_627_538_000,
};

describe('generated files', () => {
  it.each(generatedFiles())('$path is up to date', ({ path, content }) => {
    expect(read(path)).toBe(content);
  });

  it('name every variable and every reason code', () => {
    const configuration = read('docs/configuration.md');
    for (const name of Object.keys(environmentSchema.shape)) expect(configuration).toContain(`| \`${name}\` |`);
    const reasons = read('docs/reasons.md');
    for (const code of [...Object.keys(IMAGE_REASONS), ...Object.keys(DEAD_LETTER_REASONS)]) {
      expect(reasons).toContain(`| \`${code}\` |`);
    }
  });
});

describe.each([
  { name: 'image-event', schema: imageEventSchema, message: event, required: 'generation' },
  { name: 'image-result', schema: imageResultSchema, message: result, required: 'status' },
  { name: 'dead-letter', schema: deadLetterSchema, message: letter, required: 'reason' },
])('the published schema of $name', ({ name, schema, message, required }) => {
  const published: unknown = JSON.parse(read(`schemas/${name}.v1.schema.json`));
  if (typeof published !== 'object' || published === null) throw new Error('no schema');
  const validate = new Ajv2020({ strict: true, allErrors: true }).compile(published);

  it('accepts a real message, as the code does', () => {
    expect(schema.parse(message)).toEqual(message);
    expect([validate(message), validate.errors]).toEqual([true, null]);
  });

  it('lets a later writer add fields', () => {
    expect(validate({ ...message, addedLater: { deep: [1] } })).toBe(true);
    expect(JSON.stringify(published)).not.toContain('"additionalProperties":false');
  });

  it('refuses another version, a missing field and a wrong type, as the code does', () => {
    const without: Record<string, unknown> = { ...message };
    without[required] = undefined;
    for (const wrong of [{ ...message, v: 2 }, { ...message, [required]: 7 }, JSON.parse(JSON.stringify(without))]) {
      expect(validate(wrong)).toBe(false);
      expect(schema.safeParse(wrong).success).toBe(false);
    }
  });
});
