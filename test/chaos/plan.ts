import { seededRandom, type Random } from '../../src/scenes/random.js';

/** What an object is, as far as the path treats it differently. */
export type Kind =
  /** Goes to the model that looks at nothing: no picture need exist. */
  | 'noop'
  /** One of a few known pictures, detected by the model that comes with Penstock. */
  | 'picture'
  /** An event that says 0 bytes: dead at intake. */
  | 'empty'
  /** No image by its type and name: nothing is kept of it. */
  | 'text';

export interface Input {
  object: string;
  generation: string;
  kind: Kind;
  /** Index of the picture. */
  picture: number;
  /** So many hours before the run was it uploaded. */
  hoursAgo: number;
}

/** One delivery of an event: each at least once, some twice or three times, in another order than they came to be. */
export interface Delivery {
  atMs: number;
  input: Input;
}

export type Fault =
  | { kind: 'kill'; name: string }
  | { kind: 'hang'; name: string; forMs: number }
  | { kind: 'dropAnswers'; count: number }
  | { kind: 'slowBroker'; delayMs: number; forMs: number }
  | { kind: 'cutBroker'; forMs: number };

export interface Plan {
  inputs: Input[];
  deliveries: Delivery[];
  faults: { atMs: number; fault: Fault }[];
  /** How far the clocks of the intake and the detector of the test are off; milliseconds. */
  skewMs: { intake: number; detector: number };
}

export interface Size {
  images: number;
  seconds: number;
}

export const PICTURES = 4;
const ROLES = ['intake', 'dispatcher', 'detector', 'orchestrator', 'sink'] as const;
const SERVERS = ['kafka', 'temporal', 'gcs', 'clickhouse'] as const;
/** Between two faults, and from the last one to the end. */
const FAULT_EVERY_MS = { least: 3_000, most: 6_000 };
/** An event comes by so much earlier or later than its place in the order. */
const JITTER_MS = 5_000;
const SKEW_MS = 15 * 60_000;

/** All that a run does, from its seed alone: the same seed gives the same plan. */
export function planOf(seed: string, size: Size): Plan {
  const random = seededRandom(`chaos ${seed}`);
  const inputs = Array.from({ length: size.images }, (_, index) => inputOf(random, index));
  return {
    inputs,
    deliveries: deliveriesOf(random, inputs, size.seconds * 1_000),
    faults: faultsOf(random, size.seconds * 1_000),
    skewMs: { intake: random.integer(-SKEW_MS, SKEW_MS), detector: random.integer(-SKEW_MS, SKEW_MS) },
  };
}

function inputOf(random: Random, index: number): Input {
  const share = random.integer(0, 100);
  const kind: Kind = share < 80 ? 'noop' : share < 92 ? 'picture' : share < 97 ? 'empty' : 'text';
  // Every tenth or so is a later generation of an object that was there before.
  const isAgain = kind === 'noop' && index > 10 && random.integer(0, 10) === 0;
  const name = `${kind}/${isAgain ? 'again' : 'one'}-${isAgain ? index % 10 : index}`;
  return {
    object: kind === 'text' ? `${name}.txt` : `${name}.jpg`,
    generation: String(index + 1),
    kind,
    picture: random.integer(0, PICTURES),
    hoursAgo: random.integer(0, 4),
  };
}

function deliveriesOf(random: Random, inputs: readonly Input[], lengthMs: number): Delivery[] {
  const deliveries = inputs.flatMap((input, index) => {
    const share = random.integer(0, 10);
    const times = share < 7 ? 1 : share < 9 ? 2 : 3;
    const dueMs = (index / inputs.length) * (lengthMs - JITTER_MS);
    return Array.from({ length: times }, () => ({
      atMs: Math.max(0, dueMs + random.integer(-JITTER_MS, JITTER_MS)),
      input,
    }));
  });
  return deliveries.sort((one, other) => one.atMs - other.atMs);
}

function faultsOf(random: Random, lengthMs: number): Plan['faults'] {
  const faults: Plan['faults'] = [];
  const next = (): number => random.integer(FAULT_EVERY_MS.least, FAULT_EVERY_MS.most);
  for (let atMs = next(); atMs < lengthMs - FAULT_EVERY_MS.most; atMs += next())
    faults.push({ atMs, fault: faultOf(random, faults.length) });
  return faults;
}

/** Kinds take turns, so that the shortest run has each; what and how long is by chance. */
function faultOf(random: Random, turn: number): Fault {
  const forMs = random.integer(1_000, 4_000);
  switch (turn % 6) {
    case 0:
    case 3:
      return { kind: 'kill', name: random.pick(ROLES) };
    case 1:
      return { kind: 'dropAnswers', count: random.integer(1, 4) };
    case 2:
      return { kind: 'kill', name: random.pick(SERVERS) };
    case 4:
      return { kind: 'slowBroker', delayMs: random.integer(100, 600), forMs };
    default:
      return random.integer(0, 2) === 0
        ? { kind: 'hang', name: random.pick(SERVERS), forMs }
        : { kind: 'cutBroker', forMs };
  }
}
