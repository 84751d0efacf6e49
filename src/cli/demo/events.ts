/**
 * The events that Google sends for an upload, in its three documented forms, with the object resource of the upload
 * itself. docs/events.md says which service sends which.
 */

/** The object resource of the storage API, as far as the demo needs it by name; the rest travels along. */
export interface ObjectResource extends Record<string, unknown> {
  bucket: string;
  name: string;
  generation: string;
  /** RFC 3339 */
  timeCreated: string;
}

export interface EventRequest {
  /** Path at intake. */
  path: string;
  headers: Record<string, string>;
  body: string;
}

export const EVENT_FORMS = ['push', 'binary', 'structured'] as const;
export type EventForm = (typeof EVENT_FORMS)[number];

const FINALIZED = 'google.cloud.storage.object.v1.finalized';

/** @param id what the sender calls the event: the same when it is delivered again */
export function eventRequest(form: EventForm, resource: ObjectResource, id: string): EventRequest {
  switch (form) {
    case 'push':
      return pubsubPush(resource, id);
    case 'binary':
      return binaryCloudEvent(resource, id);
    case 'structured':
      return structuredCloudEvent(resource, id);
  }
}

/** A Cloud Storage notification by Pub/Sub push, wrapped. */
function pubsubPush(resource: ObjectResource, id: string): EventRequest {
  const message = {
    attributes: {
      notificationConfig: `projects/_/buckets/${resource.bucket}/notificationConfigs/1`,
      eventType: 'OBJECT_FINALIZE',
      payloadFormat: 'JSON_API_V1',
      bucketId: resource.bucket,
      objectId: resource.name,
      objectGeneration: resource.generation,
      eventTime: resource.timeCreated,
    },
    data: Buffer.from(JSON.stringify(resource)).toString('base64'),
    messageId: id,
    message_id: id,
    publishTime: resource.timeCreated,
    publish_time: resource.timeCreated,
  };
  return {
    path: '/events/pubsub',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ message, subscription: 'projects/penstock/subscriptions/demo' }),
  };
}

/** Eventarc's default: attributes in `ce-*` headers, the resource as body. Header values are ASCII: percent-encoded. */
function binaryCloudEvent(resource: ObjectResource, id: string): EventRequest {
  const headers = {
    'content-type': 'application/json; charset=utf-8',
    'ce-specversion': '1.0',
    'ce-type': FINALIZED,
    'ce-source': source(resource),
    'ce-subject': encodeURI(`objects/${resource.name}`),
    'ce-id': id,
    'ce-time': resource.timeCreated,
    'ce-bucket': resource.bucket,
  };
  return { path: '/events/gcs', headers, body: JSON.stringify(resource) };
}

function structuredCloudEvent(resource: ObjectResource, id: string): EventRequest {
  return {
    path: '/events/gcs',
    headers: { 'content-type': 'application/cloudevents+json; charset=utf-8' },
    body: JSON.stringify(cloudEvent(resource, id)),
  };
}

/** Several events in one request: the batched mode of CloudEvents. What forwards the events of many uploads may use it. */
export function batchRequest(events: readonly { resource: ObjectResource; id: string }[]): EventRequest {
  return {
    path: '/events/gcs',
    headers: { 'content-type': 'application/cloudevents-batch+json; charset=utf-8' },
    body: JSON.stringify(events.map(({ resource, id }) => cloudEvent(resource, id))),
  };
}

function cloudEvent(resource: ObjectResource, id: string): object {
  return {
    specversion: '1.0',
    type: FINALIZED,
    source: source(resource),
    subject: `objects/${resource.name}`,
    id,
    time: resource.timeCreated,
    bucket: resource.bucket,
    datacontenttype: 'application/json',
    data: resource,
  };
}

function source({ bucket }: ObjectResource): string {
  return `//storage.googleapis.com/projects/_/buckets/${bucket}`;
}
