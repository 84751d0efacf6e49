/** How many times the cap arrives. */
export const SURGE_TIMES = 10;
export const DEFAULT_SECONDS = 60;
/** Images a second; one detector on two cores reaches it while intake and Kafka take ten times as many events. */
export const DEFAULT_CAP = 20;
/** Each is an object in the bucket beforehand, and its event in memory. */
export const MOST_IMAGES = 100_000;

/** What a surge is to be. */
export interface SurgePlan {
  /** Images a second. */
  cap: number;
  /** For so long events arrive, at `arrivalsPerSecond`. */
  seconds: number;
  arrivalsPerSecond: number;
  images: number;
}

export function surgePlan(cap: number, seconds: number): SurgePlan {
  const arrivalsPerSecond = cap * SURGE_TIMES;
  return { cap, seconds, arrivalsPerSecond, images: Math.max(1, Math.round(arrivalsPerSecond * seconds)) };
}

/** What a person is told first: what comes, and how long it takes. */
export function planSentence({ cap, seconds, arrivalsPerSecond, images }: SurgePlan): string {
  return (
    `${images} images arrive within ${seconds} s, ${number(arrivalsPerSecond)} a second against a cap of ${number(cap)}: ` +
    `the last is detected ${duration(images / cap)} after the first came.`
  );
}

export function duration(seconds: number): string {
  return seconds < 90 ? `${Math.round(seconds)} s` : `${(seconds / 60).toFixed(1).replace(/\.0$/, '')} min`;
}

/** Minutes and seconds, like `2:05`. */
export function clock(seconds: number): string {
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, '0')}`;
}

/** With at most one place. */
export function number(value: number): string {
  return String(Number(value.toFixed(1)));
}
