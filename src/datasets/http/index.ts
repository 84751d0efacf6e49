export { systemClock, type Clock } from './clock.js';
export { HttpSourceError, type HttpSourceErrorKind } from './errors.js';
export type { Resolver } from './guard.js';
export { createHostPace, localReserve, type HostPace, type ReserveSlots } from './pace.js';
export type { FetchOptions, Page, PagePosition } from './page.js';
export { fetchPages } from './pages.js';
export type { HttpSource } from './source.js';
export type { PageVariables } from './template.js';
export { postJson, type Post } from './post.js';
