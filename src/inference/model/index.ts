/**
 * The model side of inference: reads model folders, turns pictures into tensors, runs the model and reads its boxes.
 * Knows nothing of processes, threads or downloads.
 */
export { loadModel, type Model } from './load.js';
export type { InputSpec, OutputSpec } from './spec.js';
export { ImageError, MisfitError, ModelError, ProviderError, type ImageErrorReason } from './errors.js';
export { tensorLength } from './pixels.js';
export { prepareImage, type ImageLimits, type Prepared } from './prepare.js';
export { openSession, type ModelSession } from './session.js';
export type { Provider, SessionOptions } from './provider.js';
export { tensorText } from './shapes.js';
export type { SessionOutputs } from './decoders/index.js';
export type { TensorInfo } from './tensorInfo.js';
