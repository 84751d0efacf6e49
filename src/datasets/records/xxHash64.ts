const MASK = 0xffff_ffff_ffff_ffffn;
const PRIME_1 = 0x9e37_79b1_85eb_ca87n;
const PRIME_2 = 0xc2b2_ae3d_27d4_eb4fn;
const PRIME_3 = 0x1656_67b1_9e37_79f9n;
const PRIME_4 = 0x85eb_ca77_c2b2_ae63n;
const PRIME_5 = 0x27d4_eb2f_1656_67c5n;
const STRIPE_BYTES = 32;

/**
 * XXH64 with seed 0: a frame of Zstandard ends with its low half (RFC 8878, 3.1.1). After the specification,
 * https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md.
 */
export class XxHash64 {
  /** Four accumulators, each as its low and its high half: BigInt is a hundred times slower. */
  readonly #accumulators = new Int32Array(
    new BigUint64Array([PRIME_1 + PRIME_2, PRIME_2, 0n, -PRIME_1].map((value) => value & MASK)).buffer,
  );
  readonly #rest = new Uint8Array(STRIPE_BYTES);
  #restLength = 0;
  #length = 0n;

  update(bytes: Uint8Array): void {
    this.#length += BigInt(bytes.length);
    let at = 0;
    if (this.#restLength > 0) {
      at = Math.min(STRIPE_BYTES - this.#restLength, bytes.length);
      this.#rest.set(bytes.subarray(0, at), this.#restLength);
      this.#restLength += at;
      if (this.#restLength < STRIPE_BYTES) return;
      this.#stripes(this.#rest);
      this.#restLength = 0;
    }
    const end = bytes.length - ((bytes.length - at) % STRIPE_BYTES);
    this.#stripes(bytes.subarray(at, end));
    this.#rest.set(bytes.subarray(end));
    this.#restLength = bytes.length - end;
  }

  digest(): bigint {
    const view = new DataView(this.#rest.buffer);
    let hash = (this.#length >= STRIPE_BYTES ? this.#merged() : PRIME_5) + this.#length;
    let at = 0;
    for (; at + 8 <= this.#restLength; at += 8) {
      const lane = round(0n, view.getBigUint64(at, true));
      hash = rotate(hash ^ lane, 27n) * PRIME_1 + PRIME_4;
    }
    for (; at + 4 <= this.#restLength; at += 4)
      hash = rotate(hash ^ (BigInt(view.getUint32(at, true)) * PRIME_1), 23n) * PRIME_2 + PRIME_3;
    for (; at < this.#restLength; at += 1) hash = rotate(hash ^ (BigInt(view.getUint8(at)) * PRIME_5), 11n) * PRIME_1;
    hash &= MASK;
    hash = ((hash ^ (hash >> 33n)) * PRIME_2) & MASK;
    hash = ((hash ^ (hash >> 29n)) * PRIME_3) & MASK;
    return hash ^ (hash >> 32n);
  }

  #merged(): bigint {
    const [a = 0n, b = 0n, c = 0n, d = 0n] = new BigUint64Array(this.#accumulators.buffer);
    let hash = rotate(a, 1n) + rotate(b, 7n) + rotate(c, 12n) + rotate(d, 18n);
    for (const value of [a, b, c, d]) hash = (hash ^ round(0n, value)) * PRIME_1 + PRIME_4;
    return hash;
  }

  #stripes(bytes: Uint8Array): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    for (let at = 0; at < bytes.length; at += STRIPE_BYTES)
      for (let lane = 0; lane < 4; lane += 1)
        accumulate(
          this.#accumulators,
          lane * 2,
          view.getInt32(at + lane * 8, true),
          view.getInt32(at + lane * 8 + 4, true),
        );
  }
}

function rotate(value: bigint, by: bigint): bigint {
  const bits = value & MASK;
  return ((bits << by) | (bits >> (64n - by))) & MASK;
}

function round(accumulator: bigint, lane: bigint): bigint {
  return (rotate(accumulator + lane * PRIME_2, 31n) * PRIME_1) & MASK;
}

const PRIME_1_LOW = 0x85eb_ca87 | 0;
const PRIME_1_HIGH = 0x9e37_79b1 | 0;
const PRIME_2_LOW = 0x27d4_eb4f | 0;
const PRIME_2_HIGH = 0xc2b2_ae3d | 0;

/** The same round in halves. */
function accumulate(into: Int32Array, at: number, low: number, high: number): void {
  const addedLow = Math.imul(low, PRIME_2_LOW);
  const addedHigh = (productHigh(low, PRIME_2_LOW) + Math.imul(low, PRIME_2_HIGH) + Math.imul(high, PRIME_2_LOW)) | 0;
  const sumLow = ((into[at] ?? 0) + addedLow) | 0;
  const carry = sumLow >>> 0 < addedLow >>> 0 ? 1 : 0;
  const sumHigh = ((into[at + 1] ?? 0) + addedHigh + carry) | 0;
  const turnedLow = (sumLow << 31) | (sumHigh >>> 1);
  const turnedHigh = (sumHigh << 31) | (sumLow >>> 1);
  into[at] = Math.imul(turnedLow, PRIME_1_LOW);
  into[at + 1] =
    productHigh(turnedLow, PRIME_1_LOW) + Math.imul(turnedLow, PRIME_1_HIGH) + Math.imul(turnedHigh, PRIME_1_LOW);
}

/** The high half of the product of two unsigned halves, in parts of 16 bits. */
function productHigh(a: number, b: number): number {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  const middle = Math.imul(aHigh, bLow) + (Math.imul(aLow, bLow) >>> 16);
  const carried = (Math.imul(aLow, bHigh) + (middle & 0xffff)) | 0;
  return (Math.imul(aHigh, bHigh) + (middle >>> 16) + (carried >>> 16)) | 0;
}
