import type { Input } from './plan.js';

/** What the tables say of one bucket, or ought to; lists are sorted. */
export interface Tables {
  /** `object#generation status reason` */
  images: string[];
  /** `object#generation` */
  uploads: string[];
  /** `object class`, one for each box. */
  detections: string[];
  /** `hour images dead detections` */
  hourly: string[];
  /** `hour class images detections` */
  classes: string[];
}

const HOUR_S = 3_600;

/** When an input was uploaded; seconds since the epoch. */
export function uploadedAtS(input: Pick<Input, 'hoursAgo'>, beganAtS: number): number {
  return beganAtS - input.hoursAgo * HOUR_S;
}

/**
 * What the tables must say, from what was sent alone: however often, in what order, and whatever broke meanwhile.
 *
 * @param classes classes of the boxes of each known picture
 */
export function tablesOf(inputs: readonly Input[], classes: readonly (readonly string[])[], beganAtS: number): Tables {
  const kept = inputs.filter(({ kind }) => kind !== 'text');
  const boxesOf = ({ kind, picture }: Input): readonly string[] => (kind === 'picture' ? (classes[picture] ?? []) : []);
  const byHour = new Map<number, Input[]>();
  for (const input of kept) {
    const hour = Math.floor(uploadedAtS(input, beganAtS) / HOUR_S) * HOUR_S;
    byHour.set(hour, [...(byHour.get(hour) ?? []), input]);
  }
  const hourly: string[] = [];
  const ofClasses: string[] = [];
  for (const [hour, of] of byHour) {
    const dead = of.filter(({ kind }) => kind === 'empty').length;
    const boxes = of.flatMap(boxesOf);
    hourly.push(`${hour} ${of.length} ${dead} ${boxes.length}`);
    for (const one of new Set(boxes)) {
      const images = of.filter((input) => boxesOf(input).includes(one)).length;
      ofClasses.push(`${hour} ${one} ${images} ${boxes.filter((box) => box === one).length}`);
    }
  }
  const name = ({ object, generation }: Input): string => `${object}#${generation}`;
  return {
    images: kept.map((input) => `${name(input)} ${input.kind === 'empty' ? 'dead NOT_AN_IMAGE' : 'detected'}`).sort(),
    uploads: kept
      .filter(({ kind }) => kind !== 'empty')
      .map(name)
      .sort(),
    detections: kept.flatMap((input) => boxesOf(input).map((box) => `${input.object} ${box}`)).sort(),
    hourly: hourly.sort(),
    classes: ofClasses.sort(),
  };
}
