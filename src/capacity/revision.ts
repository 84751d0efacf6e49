/** How often the revision is asked for; milliseconds. A query costs no event. */
const POLL_MS = 2_000;

/** Calls `onRevision` with what `read` gives, again and again. While nobody answers nothing happens. Returns its end. */
export function watchRevision(
  read: () => Promise<number>,
  onRevision: (revision: number) => void,
  pollMs = POLL_MS,
): () => void {
  let isAsking = false;
  const timer = setInterval(() => {
    if (isAsking) return;
    isAsking = true;
    read()
      .then(onRevision, () => undefined)
      .finally(() => (isAsking = false));
  }, pollMs);
  return () => clearInterval(timer);
}
