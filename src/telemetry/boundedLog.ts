import type { LogFields, Logger } from './log.js';

/** A line that may be left out when there are too many; how many were is said in the next one. */
export type BoundedLog = (fields: LogFields, message: string) => void;

/** Warnings, at most so many a second: how many there are is not ours to decide. */
export function createBoundedLog(log: Logger, linesPerSecond: number): BoundedLog {
  let second = 0;
  let lines = 0;
  let suppressed = 0;
  return (fields, message) => {
    const now = Math.floor(Date.now() / 1000);
    if (now !== second) {
      second = now;
      lines = 0;
    }
    if (lines >= linesPerSecond) {
      suppressed += 1;
      return;
    }
    lines += 1;
    log.warn(suppressed === 0 ? fields : { ...fields, suppressed }, message);
    suppressed = 0;
  };
}
