import { createObjectAdmission, readStorageObject, type AdmissionConfig } from '../../admission/index.js';
import type { Router } from '../../routing/index.js';
import type { RefusedEvent } from '../../warehouse/index.js';
import type { InBucket, NeverReceived } from './answer.js';
import { backfillOf } from './decide.js';

/** A notification comes within seconds; Google gives no bound. */
const ON_ITS_WAY_MS = 60_000;

export interface NeverReceivedFacts {
  name: { bucket: string; object: string; generation?: string | undefined };
  bucket: InBucket;
  /** The object's resource; undefined where it is not there. */
  resource: unknown;
  refused: RefusedEvent[] | null;
  config: AdmissionConfig;
  route: Router;
  nowMs: number;
}

/** Why an object has no event: it is not there, intake would not take it, intake refused it, or it never came. */
export function neverReceived(facts: NeverReceivedFacts): NeverReceived {
  return { ...verdict(facts), refused: facts.refused };
}

type Verdict = Omit<NeverReceived, 'refused'>;

function verdict(facts: NeverReceivedFacts): Verdict {
  const { name, bucket, refused, nowMs } = facts;
  const say = (sentence: string, advice: string | null = null, mayYetCome = false): Verdict => {
    return { sentence, advice, mayYetCome };
  };
  const [refusal] = refused ?? [];
  if (refusal !== undefined)
    return say(`Intake refused an event that names it, ${refusal.reason}: ${refusal.detail} (${refusal.received_at})`);
  if (bucket.state === 'unknown') return say('No event of it was received; whether it is in the bucket is unknown.');
  if (bucket.state === 'absent')
    return say('No event of it was received, and the bucket has no such object.', 'Look at the name: case counts.');
  if (name.generation !== undefined && name.generation !== bucket.generation)
    return say(`No event of this generation was received; the bucket has ${bucket.generation} now.`);
  const wanted = isWanted(facts);
  if (wanted !== undefined) return say(wanted);
  if (nowMs - Date.parse(bucket.uploadedAt) < ON_ITS_WAY_MS)
    return say('It was uploaded less than a minute ago; its notification may be on the way.', 'Ask again.', true);
  return say(
    'It is in the bucket, and no event of it was received.',
    `Check the bucket's notification (docs/events.md). Send it: ${backfillOf(name)}`,
  );
}

/** A sentence why intake would not take it; undefined when it would. */
function isWanted({ resource, config, route, nowMs }: NeverReceivedFacts): string | undefined {
  const reading = readStorageObject(resource, 'object', nowMs);
  if (reading.kind === 'ignored') return 'Intake takes images only, and by its type or name it is none.';
  if (reading.kind === 'refused') return `Intake would refuse it: ${reading.detail}`;
  const admission = createObjectAdmission(config, route)(reading.object, { nowMs });
  if (admission.outcome === 'unrouted') return 'No route wants it: its event was acknowledged and counted, no more.';
  if (admission.outcome === 'lane_none')
    return 'Its metadata has penstock-lane: none, so its event goes nowhere: POST /v1/detect stores pictures so.';
  if (admission.outcome === 'out_of_retention') return `It is out of retention: ${admission.detail}`;
  if (admission.outcome === 'bucket_not_allowed') return 'Events of its bucket are not taken (PENSTOCK_BUCKETS).';
  if (admission.outcome === 'refused') return `Intake would refuse it, ${admission.reason}: ${admission.detail}`;
  return undefined;
}
