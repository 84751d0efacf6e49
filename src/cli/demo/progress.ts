/** Where a run stands; all counts of images. */
export interface Snapshot {
  total: number;
  uploaded: number;
  /** Events acknowledged, so that the image waits or is further. */
  accepted: number;
  /** The detector is done with it. */
  detected: number;
  /** It has its row. */
  stored: number;
  /** Rows a second, over the last seconds. */
  imagesPerSecond: number;
}

export function progressLine({ total, uploaded, accepted, detected, stored, imagesPerSecond }: Snapshot): string {
  const waiting = Math.max(0, accepted - Math.max(detected, stored));
  return [
    `uploaded ${uploaded}/${total}`,
    `waiting ${waiting}`,
    `detected ${detected}`,
    `stored ${stored}`,
    `${imagesPerSecond.toFixed(1)} images/s`,
  ].join(' · ');
}
