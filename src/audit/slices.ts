const HOUR_MS = 3_600_000;

/**
 * Cuts [fromMs, toMs) where there is something: hours with few rows together, an hour with many in even parts, so that
 * no slice has many more than `mostRows`. Rows are counted by hour.
 */
export function slicesOf(
  hours: readonly { hourMs: number; rows: number }[],
  { fromMs, toMs }: { fromMs: number; toMs: number },
  mostRows: number,
): { fromMs: number; toMs: number }[] {
  const slices: { fromMs: number; toMs: number; rows: number }[] = [];
  for (const { hourMs, rows } of hours) {
    const last = slices.at(-1);
    if (last !== undefined && last.rows + rows <= mostRows) {
      last.toMs = hourMs + HOUR_MS;
      last.rows += rows;
      continue;
    }
    const parts = Math.max(1, Math.ceil(rows / mostRows));
    for (let part = 0; part < parts; part += 1) {
      const [start, end] = [part, part + 1].map((edge) => hourMs + Math.floor((HOUR_MS * edge) / parts));
      slices.push({ fromMs: start ?? hourMs, toMs: end ?? hourMs + HOUR_MS, rows: rows / parts });
    }
  }
  return slices
    .map((slice) => ({ fromMs: Math.max(slice.fromMs, fromMs), toMs: Math.min(slice.toMs, toMs) }))
    .filter((slice) => slice.fromMs < slice.toMs);
}
