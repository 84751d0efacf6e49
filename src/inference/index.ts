export { LONGEST_HANG_MS } from './childProcess.js';
export { createEngine, type Engine, type DetectRequest } from './engine.js';
export { type ImageOutcome } from './protocol.js';
export { Pacer, TokenBucket } from './pacer.js';
export { loadModel, ModelError, type Model } from './model/index.js';
