import type { LandedRow } from '../oracle/index.js';
import { countFaults, dealFaults, Random } from '../random.js';
import { DAY_MS, isoMs, START_MS, type Scale } from '../scale.js';
import { CsvFile, PLAIN_CSV, type TextFields, type Version, type Written } from '../written/index.js';

export const PICTURE_BUCKET = 'uploads';

/** Shares of the rows of a file. */
export const PHOTO_ORDER_FAULTS = {
  'no order number': 0.01,
  'picture that nobody has': 0.02,
  'picture that could not be detected': 0.02,
  'picture that is too small': 0.02,
  'unknown product': 0.01,
  'no picture': 0.01,
} as const;
type Fault = keyof typeof PHOTO_ORDER_FAULTS;

const HEADER = ['order_no', 'ordered_at', 'product', 'bucket', 'object', 'price', 'gift_until'];

/** Pictures and what was seen on them: rows as penstock.images and penstock.detections have them. */
export interface Library {
  images: LandedRow[];
  detections: LandedRow[];
}

export interface PhotoVersion extends Version<TextFields> {
  /** What has been detected when this version is read. */
  library: Library;
}

export interface PhotoOptions extends Scale {
  /** Detected from the first version on. Default: 60. */
  pictures?: number;
}

/**
 * Orders of prints, a file a version, each with some pictures that are not detected yet (`too early`). When the next version
 * is read they are, and its file has their rows again (`sent again`), and some rows that landed already (`repeated`).
 */
export function generatePhotoOrders(seed: number, options: PhotoOptions = {}): PhotoVersion[] {
  const { versions = 3, rows = 300, startMs = START_MS, pictures = 60 } = options;
  const random = new Random(seed);
  let library = { images: [dead(), ...small()], detections: [] } as Library;
  let upcoming = Array.from({ length: pictures }, (_, index) => `photos/${index}.jpg`);
  let known: string[] = [];
  let early: string[][] = [];
  let landed: string[][] = [];
  let orderNo = 2n ** 53n;
  return Array.from({ length: versions }, (_, version) => {
    library = upcoming.reduce((all, object) => detected(random, all, object), library);
    known = [...known, ...upcoming];
    upcoming = Array.from({ length: 8 }, (_, index) => `photos/late-${version}-${index}.png`);
    const dealt = dealFaults(random, rows, PHOTO_ORDER_FAULTS);
    const faults = countFaults(dealt);
    const written = [...early, ...landed.slice(0, 6)];
    if (version > 0) Object.assign(faults, { 'sent again': early.length, repeated: landed.slice(0, 6).length });
    [early, landed] = [[], []];
    for (const [at, fault] of dealt.entries()) {
      orderNo += 1n;
      const orderedMs = startMs + version * DAY_MS + Math.floor((at * DAY_MS) / rows);
      const isEarly = fault === undefined && random.chance(0.05);
      const row = orderOf(random, orderNo, orderedMs, random.pick(isEarly ? upcoming : known));
      written.push(fault === undefined ? row : faulty(row, fault));
      if (fault === undefined) (isEarly ? early : landed).push(row);
    }
    faults['too early'] = early.length;
    faults['no such day'] = written.filter((row) => row[6] === NO_DAY).length;
    return { ...fileOf(`photo-orders/${version + 1}.csv`, written), faults, library };
  });
}

function fileOf(name: string, rows: readonly string[][]): Pick<Version<TextFields>, 'files' | 'records'> {
  const file = new CsvFile(name, PLAIN_CSV, HEADER);
  const records = rows.map((row): Written<TextFields> => ({
    ...{ source: name, line: file.row(row) },
    fields: Object.fromEntries(HEADER.map((column, at) => [column, row[at] ?? null])),
  }));
  return { files: [file.file()], records };
}

/** Lands as nothing: the manifest drops a value that its type can't hold. */
const NO_DAY = '2026-11-31';

function orderOf(random: Random, orderNo: bigint, orderedMs: number, object: string): string[] {
  return [
    orderNo.toString(),
    isoMs(orderedMs),
    random.pick(['mug', ' Poster ', 'SHIRT']),
    PICTURE_BUCKET,
    object,
    `${random.whole(5, 60)}.${random.pick(['00', '90', '9'])}`,
    random.pick(['', '', '2026-12-24', '2030-01-01', NO_DAY]),
  ];
}

/** A picture that every product can be printed from; on one in five nothing was seen. */
function detected(random: Random, { images, detections }: Library, object: string): Library {
  const size = { width: random.whole(2_000, 6_000), height: random.whole(1_000, 4_000) };
  const place = { bucket: PICTURE_BUCKET, object };
  const seen = random.chance(0.2)
    ? []
    : [{ ...place, ...size, class: random.pick(['person', 'dog', 'wine glass']), score: random.whole(128, 255) / 256 }];
  return { images: [...images, { ...place, ...size }], detections: [...detections, ...seen] };
}

function dead(): LandedRow {
  return { bucket: PICTURE_BUCKET, object: 'photos/broken.jpg', width: 0, height: 0 };
}

function small(): LandedRow[] {
  return [{ bucket: PICTURE_BUCKET, object: 'photos/small.jpg', width: 799, height: 600 }];
}

function faulty(row: readonly string[], fault: Fault): string[] {
  switch (fault) {
    case 'no order number':
      return row.with(0, '');
    case 'picture that nobody has':
      return row.with(4, 'photos/nowhere.jpg');
    case 'picture that could not be detected':
      return row.with(4, 'photos/broken.jpg');
    case 'picture that is too small':
      return row.with(4, 'photos/small.jpg');
    case 'unknown product':
      return row.with(2, 'sticker');
    case 'no picture':
      return row.with(4, '');
  }
}
