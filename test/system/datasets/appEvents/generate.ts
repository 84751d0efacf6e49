import { countFaults, dealFaults, Random } from '../random.js';
import { DAY_MS, START_MS, type Scale } from '../scale.js';
import {
  gzipped,
  JsonNumber,
  jsonText,
  zstdLines,
  type Json,
  type JsonObject,
  type SourceFile,
  type Version,
  type Written,
} from '../written/index.js';

/** Shares of the rows of a file. */
export const APP_EVENT_FAULTS = {
  'cut off': 0.01,
  'bytes of another encoding': 0.01,
  'no id': 0.01,
  'id beyond 64 bits': 0.01,
  'no such day': 0.01,
  'no UUID': 0.01,
  'unknown type': 0.01,
  'longer than a day': 0.01,
  'counter beyond 64 bits': 0.01,
} as const;
type Fault = keyof typeof APP_EVENT_FAULTS;

const COMPRESSIONS = ['', '.gz', '.zst'] as const;
type Compression = (typeof COMPRESSIONS)[number];

/** An event, or a line that is none. */
interface Line {
  text: string;
  fields: JsonObject;
  rejected?: 'MALFORMED' | 'NOT_UTF8';
}

/**
 * Events, three files a day and version: plain, gzip and Zstandard. Some events come twice in a file, the second time with
 * more tags (`repeated`). From the second version on the plain file of the version before comes again, longer, and
 * some events of it are in the new files too (`sent again`).
 */
export async function generateAppEvents(seed: number, scale: Scale = {}): Promise<Version<JsonObject>[]> {
  const { versions = 3, rows = 400, startMs = START_MS } = scale;
  const random = new Random(seed);
  const made: Version<JsonObject>[] = [];
  let before: { name: string; lines: Line[] } | undefined;
  for (let version = 0; version < versions; version += 1) {
    const faults: Record<string, number> = {};
    const contents: { name: string; compression: Compression; lines: Line[] }[] = [];
    if (before !== undefined) {
      const longer = [...before.lines, ...goodLines(random, 5, startMs + version * DAY_MS)];
      contents.push({ name: before.name, compression: '', lines: longer });
      faults['file that grew'] = 1;
    }
    for (const [part, compression] of COMPRESSIONS.entries()) {
      const lines = fileLines(random, {
        rows: Math.ceil(rows / COMPRESSIONS.length),
        fromMs: startMs + version * DAY_MS,
        compression,
        faults,
      });
      if (before !== undefined && compression === '.gz') {
        const again = before.lines.filter(({ rejected }) => rejected === undefined).slice(0, 4);
        lines.unshift(...again);
        faults['sent again'] = again.length;
      }
      contents.push({ name: `events/day-${version + 1}/part-${part}.ndjson${compression}`, compression, lines });
    }
    contents.sort((a, b) => (a.name < b.name ? -1 : 1));
    before = contents.findLast(({ compression }) => compression === '');
    made.push({
      files: await Promise.all(contents.map(({ name, compression, lines }) => fileOf(name, compression, lines))),
      records: contents.flatMap(({ name, lines }) => recordsOf(name, lines)),
      faults,
    });
  }
  return made;
}

interface Wanted {
  rows: number;
  fromMs: number;
  compression: Compression;
  /** Counted on. */
  faults: Record<string, number>;
}

function fileLines(random: Random, { rows, fromMs, compression, faults }: Wanted): Line[] {
  // What compresses lines of UTF-8 takes no other bytes.
  const shares = compression === '.zst' ? { 'bytes of another encoding': 0 } : {};
  const dealt = dealFaults(random, rows, { ...APP_EVENT_FAULTS, ...shares });
  for (const [fault, count] of Object.entries(countFaults(dealt))) faults[fault] = (faults[fault] ?? 0) + count;
  const lines: Line[] = [];
  for (const [at, fault] of dealt.entries()) {
    const event = eventOf(random, fromMs + Math.floor((at * DAY_MS) / rows));
    lines.push(fault === undefined ? good(event) : faulty(event, fault));
    if (fault !== undefined || !random.chance(0.03)) continue;
    lines.push(good({ ...event, tags: ['sent', 'again'] }));
    faults['repeated'] = (faults['repeated'] ?? 0) + 1;
  }
  return lines;
}

function goodLines(random: Random, count: number, fromMs: number): Line[] {
  return Array.from({ length: count }, () => good(eventOf(random, fromMs)));
}

function good(fields: JsonObject): Line {
  return { text: jsonText(fields), fields };
}

function eventOf(random: Random, atMs: number): JsonObject {
  const digits = (count: number): string => Array.from({ length: count }, () => random.whole(0, 9)).join('');
  const hex = (count: number): string => Array.from({ length: count }, () => random.whole(0, 15).toString(16)).join('');
  const [second = ''] = new Date(atMs).toISOString().split('.');
  const nanoseconds = random.pick([digits(9), digits(9), digits(6), '123']);
  const id = 2n ** 63n + BigInt(digits(18));
  return {
    id: random.chance(0.2) ? id.toString() : id,
    type: random.pick(['view', 'Click', ' search ', 'PURCHASE', 'crash']),
    ts: `${second}.${nanoseconds}${random.pick(['Z', 'Z', '+02:00'])}`,
    ...(random.chance(0.1)
      ? {}
      : { user: { id: random.pick<Json>([2n ** 62n + BigInt(digits(17)), 42n]), plan: 'x' } }),
    session: {
      id: `${hex(8)}-${hex(4)}-4${hex(3)}-a${hex(3)}-${random.chance(0.5) ? hex(12) : hex(12).toUpperCase()}`,
    },
    device: random.chance(0.1)
      ? { os: null }
      : { os: random.pick(['iOS', ' Android ', 'web']), screen: { width: 390n } },
    server: { ip: `10.0.${random.whole(0, 255)}.${random.whole(0, 255)}` },
    client: { ip: `2001:db8::${random.whole(1, 9)}` },
    ...(random.chance(0.2) ? {} : { duration: new JsonNumber(random.pick(['0.1', '12.5', '1e3', '86399999.999'])) }),
    ...(random.chance(0.8) ? {} : { test: random.chance(0.5) }),
    tags: random.pick<Json>([[], ['a'], ['Zoë "Q"', 'line\nfeed', '🫖'], ['', 'x']]),
    metrics: { counters: random.pick<Json>([[], [1n], [-(2n ** 63n), 2n ** 63n - 1n], [9_007_199_254_740_993n, 0n]]) },
    sdk: { name: 'not in the manifest' },
  };
}

function faulty(event: JsonObject, fault: Fault): Line {
  switch (fault) {
    case 'cut off':
      return { text: jsonText(event).slice(0, -20), fields: event, rejected: 'MALFORMED' };
    case 'bytes of another encoding':
      return { text: jsonText({ ...event, sdk: 'caf\ufffd' }), fields: event, rejected: 'NOT_UTF8' };
    case 'no id':
      return good({ ...event, id: null });
    case 'id beyond 64 bits':
      return good({ ...event, id: 2n ** 64n });
    case 'no such day':
      return good({ ...event, ts: '2026-02-29T12:00:00.000000001Z' });
    case 'no UUID':
      return good({ ...event, session: { id: 'nobody' } });
    case 'unknown type':
      return good({ ...event, type: 'sneeze' });
    case 'longer than a day':
      return good({ ...event, duration: new JsonNumber('86400000') });
    case 'counter beyond 64 bits':
      return good({ ...event, metrics: { counters: [1n, 2n ** 63n] } });
  }
}

function recordsOf(source: string, lines: readonly Line[]): Written<JsonObject>[] {
  return lines.map(({ fields, rejected }, at) => ({
    ...{ source, line: at + 1, fields },
    ...(rejected === undefined ? {} : { rejected }),
  }));
}

async function fileOf(name: string, compression: Compression, lines: readonly Line[]): Promise<SourceFile> {
  if (compression === '.zst') return { name, bytes: await zstdLines(lines.map(({ text }) => text)) };
  const bytes = Buffer.concat(
    lines.map(({ text, rejected }) => {
      const [before = '', after] = rejected === 'NOT_UTF8' ? text.split('\ufffd') : [text];
      const line =
        after === undefined ? [Buffer.from(before)] : [Buffer.from(before), Buffer.of(0xe9), Buffer.from(after)];
      return Buffer.concat([...line, Buffer.from('\n')]);
    }),
  );
  return { name, bytes: compression === '.gz' ? gzipped(bytes) : bytes };
}
