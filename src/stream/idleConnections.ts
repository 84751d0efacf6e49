import { createRequire } from 'node:module';

interface RequestQueue {
  pending: readonly unknown[];
  throttledUntil: number;
  scheduleCheckPendingRequests: (this: RequestQueue) => void;
}

/**
 * Lets an idle connection sleep. kafkajs 2.2.4 looks for pending requests again a negative time from now when none is
 * pending, so every connection wakes its process a thousand times a second for ever: 2 to 5 % of a core in each role.
 * Sending and answering look by themselves; a timer is needed only while something is pending or throttled.
 */
export function letIdleConnectionsSleep(): void {
  const library: unknown = createRequire(import.meta.url)('kafkajs/src/network/requestQueue');
  const prototype: unknown = typeof library === 'function' ? library.prototype : undefined;
  if (!isRequestQueue(prototype) || repaired.has(prototype)) return;
  repaired.add(prototype);
  const schedule = prototype.scheduleCheckPendingRequests;
  prototype.scheduleCheckPendingRequests = function () {
    if (this.pending.length > 0 || this.throttledUntil > Date.now()) schedule.call(this);
  };
}

const repaired = new WeakSet<RequestQueue>();

function isRequestQueue(value: unknown): value is RequestQueue {
  return typeof value === 'object' && value !== null && 'scheduleCheckPendingRequests' in value;
}
