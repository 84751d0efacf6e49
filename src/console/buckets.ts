import type { Config } from '../config/index.js';
import { ConsoleError } from './errors.js';

/** Of buckets that are none of Penstock's nobody learns anything here. Throws ConsoleError. */
export function refuseOtherBuckets(
  { bucket }: { bucket: string },
  { PENSTOCK_BUCKETS: buckets }: Pick<Config, 'PENSTOCK_BUCKETS'>,
): void {
  if (buckets.length > 0 && !buckets.includes(bucket))
    throw new ConsoleError(403, `PENSTOCK_BUCKETS does not have ${bucket}: the console does not look into it`);
}
