/** A key of an object, or a place in a list. */
export type Segment = string | number;

/** Reads where a value stands: `customer.id`, `items[0].price`. */
export function segmentsOf(path: string): Segment[] {
  return path.split('.').flatMap((part): Segment[] => {
    const [, key = part, places = ''] = /^([^[]*)((?:\[\d+\])*)$/.exec(part) ?? [];
    const numbers = [...places.matchAll(/\[(\d+)\]/g)].map(([, place]) => Number(place));
    return key === '' ? numbers : [key, ...numbers];
  });
}

/** RFC 6901. */
export function jsonPointer(segments: readonly Segment[]): string {
  return segments.map((segment) => `/${String(segment).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}
