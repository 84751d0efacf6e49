/** Digits only: they go into statements as they are. Throws for anything else. */
export function digits(number: string): string {
  if (!/^\d{1,20}$/.test(number)) throw new Error(`'${number}' is no number of a piece, a load or a run`);
  return number;
}

/** A number that nobody else takes: identity of a piece or a load, as decimal digits. */
export function randomNumber(): string {
  const [high = 0, low = 0] = crypto.getRandomValues(new Uint32Array(2));
  return String((BigInt(high) << 32n) | BigInt(low));
}
