import { readCloudEvents } from './cloudEvents.js';
import { readPush } from './pubsub.js';
import type { EventRequest, IncomingEvent } from './reading.js';

/** Reads the events of a request. */
export type Reader = (request: EventRequest, nowMs: number) => IncomingEvent[];

/** What takes events, by path, and reads them. */
export const READERS: Readonly<Record<string, Reader>> = {
  '/events/gcs': readCloudEvents,
  '/events/pubsub': (request, nowMs) => [readPush(request, nowMs)],
};
