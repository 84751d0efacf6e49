import { z } from 'zod';
import { imageEventSchema, imageResultSchema } from '../../domain/index.js';
import type { Detected } from './detect.js';

const { bucket, object, generation } = imageEventSchema.shape;
const { width, height, detections } = imageResultSchema.shape;

/** What `POST /v1/detect` answers, for the contract. */
export const detectedAnswer = z.object({
  image: z.object({ bucket, object, generation }),
  model: z.string(),
  ...{ width, height, detections },
  workflowId: z.string(),
  waitedMs: z.number(),
}) satisfies z.ZodType<Detected>;
