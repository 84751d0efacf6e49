/**
 * Looks every `everyMs`, beginning now, one look at a time; what a look throws is told to `onFailure`. Returns what ends it.
 */
export function lookEvery(
  everyMs: number,
  look: () => Promise<void>,
  onFailure: (error: unknown) => void,
): { stop: () => void } {
  let isLooking = false;
  const once = async (): Promise<void> => {
    if (isLooking) return;
    isLooking = true;
    await look().catch(onFailure);
    isLooking = false;
  };
  const timer = setInterval(() => void once(), everyMs);
  void once();
  return { stop: () => clearInterval(timer) };
}
