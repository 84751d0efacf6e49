export type { BatchAnswer, EventAnswer, ImageAnswer, ImageReport, ImageState, InBucket, Timings } from './answer.js';
export { whereIs, type WhereOptions } from './find.js';
export { quoted, readImageName } from './name.js';
