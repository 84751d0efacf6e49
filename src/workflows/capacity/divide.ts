/** One that wants a part: beside the weights of others, and no more than it can use. */
export interface Claim {
  weight: number;
  /** Infinity: all that there is. */
  most: number;
}

/**
 * Divides `total` by weight; what one can't use goes to the others (max-min fairness by progressive filling). The parts
 * add up to `total` or to what all can use together, whichever is less.
 */
export function divide(total: number, claims: readonly Claim[]): number[] {
  const parts = claims.map(() => 0);
  let left = total;
  let open = claims.map((claim, index) => ({ ...claim, index })).filter(({ most }) => most > 0);
  while (open.length > 0 && left > 0) {
    const weights = open.reduce((sum, { weight }) => sum + weight, 0);
    const each = left / weights;
    const sated = open.filter(({ most, weight }) => most <= each * weight);
    for (const { index, most, weight } of sated.length > 0 ? sated : open) {
      const part = sated.length > 0 ? most : each * weight;
      parts[index] = part;
      left -= part;
    }
    if (sated.length === 0) break;
    open = open.filter((claim) => !sated.includes(claim));
  }
  return parts;
}

/** The same in whole numbers; what rounding leaves goes to the largest remainders, of equal ones to the first. */
export function divideWhole(total: number, claims: readonly Claim[]): number[] {
  const exact = divide(total, claims);
  const parts = exact.map((part) => Math.floor(part + 1e-9));
  let left = Math.round(exact.reduce((sum, part) => sum + part, 0)) - parts.reduce((sum, part) => sum + part, 0);
  const order = exact
    .map((part, index) => ({ index, rest: part - (parts[index] ?? 0) }))
    .sort((a, b) => b.rest - a.rest || a.index - b.index);
  for (const { index } of order) {
    if (left <= 0) break;
    if ((parts[index] ?? 0) + 1 > (claims[index]?.most ?? 0)) continue;
    parts[index] = (parts[index] ?? 0) + 1;
    left -= 1;
  }
  return parts;
}
