export { LONGEST_HANG_MS } from './childProcess.js';
export { type DetectRequest, type SettledImage } from './caller.js';
export { createEngine, type Engine } from './engine.js';
export { engineMetrics } from './metrics.js';
export { type EngineSettings } from './options.js';
export { type ImageOutcome } from './protocol.js';
export { Pacer, type PacerEvents } from './pacer.js';
export { type DayAllowance } from './allowance.js';
export {
  ImageError,
  loadModel,
  MisfitError,
  ModelError,
  openSession,
  prepareImage,
  ProviderError,
  tensorLength,
  tensorText,
  type Model,
  type ModelSession,
  type Prepared,
  type TensorInfo,
} from './model/index.js';
