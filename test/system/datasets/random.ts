/** Numbers that look random and are the same for a seed (mulberry32, Tommy Ettinger): whole 32 bits, so on every machine. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 0;
  }

  /** From 0 to below 1. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  }

  /** Both ends may come. */
  whole(least: number, most: number): number {
    return least + Math.floor(this.next() * (most - least + 1));
  }

  /** `share` of 0 to 1. */
  chance(share: number): boolean {
    return this.next() < share;
  }

  /** Throws RangeError for an empty list. */
  pick<T>(list: readonly T[]): T {
    if (list.length === 0) throw new RangeError('nothing to pick from');
    return list[this.whole(0, list.length - 1)] as T;
  }

  shuffled<T>(list: readonly T[]): T[] {
    const shuffled = [...list];
    for (let at = shuffled.length - 1; at > 0; at -= 1) {
      const other = this.whole(0, at);
      [shuffled[at], shuffled[other]] = [shuffled[other] as T, shuffled[at] as T];
    }
    return shuffled;
  }
}

/**
 * Which of `rows` rows has which fault: `share` of the rows have each, at least one, at places that the seed tells.
 * The last row has none, so that the greatest time of a version is always that of a good row.
 */
export function dealFaults<Fault extends string>(
  random: Random,
  rows: number,
  shares: Readonly<Record<Fault, number>>,
): (Fault | undefined)[] {
  const faults = (Object.entries(shares) as [Fault, number][]).flatMap(([fault, share]) =>
    Array.from({ length: share === 0 ? 0 : Math.max(1, Math.round(rows * share)) }, () => fault),
  );
  if (faults.length >= rows) throw new RangeError(`${faults.length} faults in ${rows} rows`);
  const good = Array.from({ length: rows - 1 - faults.length }, () => undefined);
  return [...random.shuffled([...faults, ...good]), undefined];
}

/** How often each fault was dealt. */
export function countFaults(dealt: readonly (string | undefined)[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const fault of dealt) if (fault !== undefined) counts[fault] = (counts[fault] ?? 0) + 1;
  return counts;
}
