import type { DatasetSource } from '../manifest/source.js';

/** An API, as a manifest describes it. */
export type HttpSource = Extract<DatasetSource, { type: 'http' }>;
