import { z } from 'zod';
import { int, optionalInt } from './kinds.js';

/** What a detector runs with, and what an image may cost it. */
export const detectorVariables = {
  PENSTOCK_MODEL_DIR: z
    .string()
    .optional()
    .describe('Folder with model.yaml and the ONNX file. Default: the shapes model that comes with Penstock.'),
  PENSTOCK_EXECUTION_PROVIDER: z
    .enum(['cpu', 'cuda', 'tensorrt', 'webgpu', 'coreml', 'dml'])
    .default('cpu')
    .describe('Execution provider of ONNX Runtime. A missing one is an error, never a silent fall-back.'),
  PENSTOCK_DEVICE_ID: int(0, 0, 63).describe('Device of the provider.'),
  PENSTOCK_CAPACITY_FILE: z
    .string()
    .optional()
    .describe(
      'File that `penstock calibrate` wrote for the model, provider and device of this detector: slots, batch, child processes and rate come from it where they are not set here. One of another model, provider or device is not used, with a warning.',
    ),
  PENSTOCK_CAPACITY_HEADROOM: z.coerce
    .number()
    .min(0.1)
    .max(1)
    .default(0.9)
    .describe('Share of the measured images/s (0.1 to 1) that a detector with a capacity file runs at most.'),
  PENSTOCK_DETECT_SLOTS: optionalInt(1, 1000).describe(
    'Batches that a detector works on at once (fixed slots on the task queue). Not set: those of the capacity file, 4 without one.',
  ),
  PENSTOCK_DETECT_EXPRESS_SLOTS: int(1, 1, 1000).describe('Slots kept for express batches.'),
  PENSTOCK_DETECT_CHILDREN: optionalInt(0, 256).describe(
    'Child processes that own a model session. 0: one for a GPU, one per core on CPUs. Not set: as in the capacity file, as with 0 without one.',
  ),
  PENSTOCK_DETECT_THREADS: int(1, 1, 256).describe('Threads inside one model run (intra-op), per child.'),
  PENSTOCK_DECODE_THREADS: int(0, 0, 256).describe(
    'Threads that download and prepare pictures, per child; each works on a few at once. 0: one on CPUs, one per core for a GPU.',
  ),
  PENSTOCK_DETECT_MODEL_BATCH: optionalInt(1, 4096).describe(
    'Most images in one model run, where the batch dimension of the model is dynamic. Not set: as in the capacity file, 8 without one.',
  ),
  PENSTOCK_DETECT_BATCH_DELAY_MS: int(10, 0, 10_000).describe(
    'Milliseconds that a prepared picture may wait for others to share its model run, where the batch dimension is dynamic and others are on their way.',
  ),
  PENSTOCK_DETECT_IMAGES_PER_SECOND: z.coerce
    .number()
    .min(0)
    .optional()
    .describe(
      'Rate of inferences of one detector. 0: no cap, slots alone bound it. Not set: PENSTOCK_CAPACITY_HEADROOM of what the capacity file says, no cap without one.',
    ),
  PENSTOCK_RETRY_HORIZON_HOURS: int(72, 1, 2_160).describe(
    'Hours after its end that a failed batch can be tried again; an orchestrator does not start where the namespace of Temporal keeps closed executions for less.',
  ),
  PENSTOCK_DETECT_ATTEMPTS: int(5, 1, 100).describe('Tries of one image for passing reasons before it is dead.'),
  PENSTOCK_IMAGE_MAX_BYTES: int(50_000_000, 1, 2_000_000_000).describe(
    'Largest object that is downloaded; above it: TOO_LARGE. Intake refuses by the size that the event tells: give it and detectors the same.',
  ),
  PENSTOCK_IMAGE_MAX_PIXELS: int(100_000_000, 1, 1_000_000_000).describe(
    'Most pixels of a picture; above it: TOO_MANY_PIXELS.',
  ),
  PENSTOCK_IMAGE_TIMEOUT_MS: int(30_000, 100, 3_600_000).describe(
    'Milliseconds for the download of one image, and again for its decoding.',
  ),
};
