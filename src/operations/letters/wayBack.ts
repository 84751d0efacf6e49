import type { AddressedRecord } from '../../admission/index.js';
import { DEAD_LETTER_HEADER } from '../../domain/index.js';
import type { Admission, createReadAgain } from '../../intake/index.js';
import type { readRow } from '../../sink/index.js';
import type { WholeLetter } from '../../warehouse/index.js';

/** What sending a letter back comes to: the records that do it, or why it is not sent. */
export type WayBack =
  { kind: 'records'; records: AddressedRecord[] } | { kind: 'refused_again' | 'not_sent'; why: string };

export interface WayBackOptions {
  /** Topics that a record may go back to. */
  topics: ReadonlySet<string>;
  readAgain: ReturnType<typeof createReadAgain>;
  readRow: typeof readRow;
  retentionDays: number;
  nowMs: number;
}

type Content = Pick<
  WholeLetter,
  'id' | 'source' | 'origin' | 'payload' | 'payload_encoding' | 'payload_truncated' | 'record_key' | 'headers'
>;

/**
 * Decides where a letter goes back, by who refused it. Nothing is sent that would be refused once more by this release:
 * that would only make another letter.
 */
export function wayBack(letter: Content, options: WayBackOptions): WayBack {
  if (letter.payload_truncated) return notSent('only its beginning was kept');
  return letter.source === 'intake' ? asRequest(letter, options) : asRecord(letter, options);
}

function asRequest(letter: Content, { readAgain, nowMs }: WayBackOptions): WayBack {
  const [, path = ''] = /^POST (\S+) \(/.exec(letter.origin) ?? [];
  const body = Buffer.from(letter.payload, letter.payload_encoding);
  const admissions = readAgain({ path, headers: headersOf(letter), body }, nowMs);
  if (admissions === undefined) return notSent(`nothing takes events at '${path}'`);
  const refused = admissions.find(({ outcome }) => outcome === 'dead_letter' || outcome === 'out_of_retention');
  if (refused) return { kind: 'refused_again', why: whyOf(refused) };
  // A letter is about an image: what is none, datasets find by themselves.
  const sent = admissions.filter(({ outcome }) => outcome !== 'ignored_not_image');
  const records = sent.flatMap((one) => ('record' in one ? [one.record] : []));
  if (records.length === 0) return notSent(admissions.map(({ outcome }) => outcome).join(', ') || 'it holds no event');
  return { kind: 'records', records: records.map((record) => ({ ...record, headers: mark(letter) })) };
}

/** Letters of the first releases have no headers; of most bodies the origin says what they are. */
function headersOf({ headers, origin }: Content): Record<string, string> {
  if (Object.keys(headers).length > 0 || !origin.includes('(structured')) return headers;
  return { 'content-type': 'application/cloudevents+json' };
}

function asRecord(letter: Content, { topics, readRow: read, retentionDays, nowMs }: WayBackOptions): WayBack {
  const [, topic = ''] = /^(.+)\/\d+\/\d+$/.exec(letter.origin) ?? [];
  if (!topics.has(topic))
    return notSent(
      topic === '' || topic.startsWith('penstock.')
        ? `nobody reads the topic '${topic}'`
        : `'${topic}' is a topic of others, who may read it too: have its sender send it again`,
    );
  if (letter.payload_encoding !== 'utf8') return { kind: 'refused_again', why: 'no UTF-8' };
  const value = Buffer.from(letter.payload);
  const { signal } = new AbortController();
  const source = { topic, partition: 0, offset: 0n, origin: letter.origin, value, timestampMs: nowMs, signal };
  const row = read(source, { days: retentionDays, nowMs });
  if (row.kind === 'unfit') return { kind: 'refused_again', why: `${row.reason}: ${row.detail}` };
  const key = letter.record_key === null ? {} : { key: letter.record_key };
  const headers = { ...letter.headers, ...mark(letter) };
  return { kind: 'records', records: [{ topic, ...key, value: letter.payload, headers }] };
}

const mark = ({ id }: Content): Record<string, string> => ({ [DEAD_LETTER_HEADER]: id });
const notSent = (why: string): WayBack => ({ kind: 'not_sent', why });

function whyOf(admission: Admission): string {
  return 'reason' in admission ? `${admission.reason}: ${admission.detail}` : admission.outcome;
}
