/** Names of Kafka topics and Temporal task queues: contracts that others rely on. */
export const IMAGE_RESULTS_TOPIC = 'penstock.image-results';
export const DEAD_LETTERS_TOPIC = 'penstock.dead-letters';
/** Uploads that are no images: what datasets may wait for. */
export const OTHER_UPLOADS_TOPIC = 'penstock.other-uploads';
const IMAGE_EVENTS_PREFIX = 'penstock.image-events.';

export function imageEventsTopic(lane: string): string {
  return `${IMAGE_EVENTS_PREFIX}${lane}`;
}

/** The lane of a topic of image events; undefined for any other topic. */
export function laneOf(topic: string): string | undefined {
  return topic.startsWith(IMAGE_EVENTS_PREFIX) ? topic.slice(IMAGE_EVENTS_PREFIX.length) : undefined;
}

/**
 * Where events of a source wait while its circuit breaker is open. No lane: nothing is routed to it, and what waits in it
 * goes back to the lane that it came from.
 */
export const HELD_LANE = 'held';

/** Key of an object's custom metadata that names a lane. */
export const LANE_METADATA = 'penstock-lane';
/** In place of a lane: the event of the object is acknowledged and goes nowhere, somebody else sees to its detection. */
export const NO_LANE = 'none';

/** Names of lanes: they name topics and consumer groups. */
export const LANE_NAME = /^[a-z0-9][a-z0-9-]{0,40}$/;

/** Names of models: they name queues, and events are routed to them. */
export const MODEL_NAME = /^[a-z0-9][a-z0-9._-]{0,62}$/;

export const ORCHESTRATION_QUEUE = 'penstock-orchestration';

/** Schedule of the audit; ids of its runs begin with it. */
export const AUDIT_SCHEDULE_ID = 'penstock-audit';

/** Name of the worker deployment of orchestrators in Temporal: its versions are builds. */
export const ORCHESTRATOR_DEPLOYMENT = 'penstock-orchestrator';

/** Ids of builds: one that stands for no build, and what all others look like. */
export const NO_BUILD = 'none';
export const BUILD_ID = /^(?!none$)[A-Za-z0-9][A-Za-z0-9._+-]{0,99}$/;

/** Queue of the detectors of a model; express work has one of its own with a slot kept for it. */
export function detectQueue(model: string, express: boolean): string {
  return express ? `penstock-detect-${model}-express` : `penstock-detect-${model}`;
}

/** Update of `detectImage` that waits for its outcome. */
export const DETECTIONS_UPDATE = 'detections';

/** Consumer groups. Retention by consumption waits for every group that the configuration names. */
export function dispatcherGroup(lane: string): string {
  return `penstock.dispatcher.${lane}`;
}
export const SINK_GROUP = 'penstock.sink';
/** The ingesters' group: they tell datasets of uploads. */
export const INGESTER_GROUP = 'penstock.ingester';
/** The sink's group for a topic of others: one that is away, or new to some sinks only, keeps no other waiting. */
export function sinkTableGroup(topic: string): string {
  return `${SINK_GROUP}.table.${topic}`;
}
