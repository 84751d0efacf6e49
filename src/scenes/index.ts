/** Generated pictures whose content is known: for the demo, the training of the default model, and benchmarks. */
export { scene, type Scene, type SceneObject, type SceneSize } from './scene.js';
export { SHAPES, type Shape } from './shapes.js';
export { score, type Score } from './score.js';
export { annotate } from './annotate.js';
