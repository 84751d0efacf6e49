import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { AddressedRecord } from '../admission/index.js';
import { createBoundedLog, type Logger } from '../telemetry/index.js';
import { TRACE_HEADER, withTrace, type OpenSpan, type Tracing } from '../tracing/index.js';
import type { Admission } from './admit.js';
import type { BodyBudget } from './bodyBudget.js';
import type { DiskWatermark } from './diskWatermark.js';
import type { GroupCommit } from './groupCommit.js';
import type { IntakeMetrics, Unavailable } from './intakeMetrics.js';
import { READERS, type Reader } from './readers.js';
import type { IncomingEvent } from './reading.js';
import type { SenderCheck } from './sender.js';

export interface IntakeRoutesOptions {
  admit: (event: IncomingEvent, path: string, nowMs: number) => Admission;
  log: Logger;
  metrics: IntakeMetrics;
  commit: GroupCommit;
  bodies: BodyBudget;
  checkSender?: SenderCheck | undefined;
  disk?: DiskWatermark | undefined;
  tracing: Pick<Tracing, 'begin'>;
  /** True from the moment on that the role stops. */
  isStopping: () => boolean;
  /** Milliseconds since the epoch. Default Date.now. */
  now?: () => number;
}

/** Seconds that a sender is asked to wait; Pub/Sub has a backoff of its own, other senders follow this. */
const RETRY_AFTER_S: Record<Unavailable, number> = {
  broker: 5,
  timeout: 5,
  buffer: 1,
  disk: 30,
  stopping: 5,
  keys: 5,
};
const SENTENCE: Record<Unavailable, string> = {
  broker: 'the broker did not acknowledge',
  timeout: 'the broker did not acknowledge in time',
  buffer: 'too many events wait for the broker, or too large ones are on their way',
  disk: "the broker's disk is above its watermark",
  stopping: 'intake is stopping',
  keys: 'the keys of the token issuer can not be had',
};
const REFUSALS_LOGGED_PER_SECOND = 20;
const MEDIA_TYPE = /^[a-z0-9!#$&^_.+-]+\/[a-z0-9!#$&^_.+-]+$/;

/** `POST /events/gcs` and `POST /events/pubsub`: 2xx means that the broker has every event of the request. */
export function intakeRoutes(options: IntakeRoutesOptions): (scope: FastifyInstance) => void {
  const { admit, log, metrics, commit, bodies, checkSender, disk, isStopping, now = Date.now } = options;
  const refusalLog = createBoundedLog(log, REFUSALS_LOGGED_PER_SECOND);
  // One of its own: a bucket that nobody asked for must not hide refusals.
  const strangerLog = createBoundedLog(log, 1);

  /** Before the body is read: whoever may not send costs no parsing, and what can't be stored is not read. */
  const gate = async (request: FastifyRequest, reply: FastifyReply): Promise<unknown> => {
    if (isStopping()) return unavailable(reply, 'stopping');
    if (checkSender) {
      const verdict = await checkSender(request.headers.authorization);
      if (verdict.kind !== 'admitted') {
        refusalLog({ path: request.routeOptions.url, verdict: verdict.kind, why: verdict.why }, 'sender refused');
        if (verdict.kind === 'unavailable') return unavailable(reply, 'keys');
        metrics.count(verdict.kind);
        if (verdict.kind === 'unauthorized') void reply.header('www-authenticate', 'Bearer');
        return reply.code(verdict.kind === 'unauthorized' ? 401 : 403).send({ error: verdict.kind });
      }
    }
    if (await disk?.isAbove()) return unavailable(reply, 'disk');
    if (!bodies.take(request, reply)) return unavailable(reply, 'buffer');
    // A content type that can't be parsed would be answered 415 before the body is read, and then sent again for days.
    const { headers } = request.raw;
    const mediaType = (headers['content-type']?.split(';')[0] ?? '').trim().toLowerCase();
    headers['content-type'] = MEDIA_TYPE.test(mediaType) ? mediaType : 'application/octet-stream';
    return undefined;
  };

  const unavailable = (reply: FastifyReply, cause: Unavailable, events = 1): FastifyReply => {
    metrics.count(`unavailable_${cause}`, events);
    if (cause === 'stopping') void reply.header('connection', 'close');
    void reply.code(503).header('retry-after', String(RETRY_AFTER_S[cause]));
    return reply.send({ error: `unavailable_${cause}`, message: SENTENCE[cause] });
  };

  const receive =
    (path: string, read: Reader) =>
    async (request: FastifyRequest, reply: FastifyReply): Promise<unknown> => {
      const nowMs = now();
      const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
      const events = read({ headers: request.headers, body }, nowMs);
      const admissions = events.map((event) => admit(event, path, nowMs));
      // What waits for the broker are the records; the body need not wait with them.
      request.body = undefined;
      const traced = traceAll(options.tracing, admissions, request.headers[TRACE_HEADER]);
      const result = await commit.append(traced.records);
      traced.end(result.kind === 'unavailable' ? result.cause : undefined);
      if (result.kind === 'unavailable') return unavailable(reply, result.cause, events.length);
      for (const admission of admissions) {
        metrics.count(admission.outcome);
        if (admission.outcome === 'accepted') metrics.delayed((now() - admission.uploadedAtMs) / 1000);
        report(admission);
      }
      return reply.send({ events: admissions.map(answer) });
    };

  const report = (admission: Admission): void => {
    if (admission.outcome === 'accepted') {
      log.debug({ eventId: admission.id, image: admission.image, lane: admission.lane }, 'accepted');
    } else if (admission.outcome === 'unrouted') {
      log.debug({ image: admission.image }, 'no route wants it');
    } else if (admission.outcome === 'lane_none') {
      log.debug({ image: admission.image }, 'its metadata says that it goes to no lane');
    } else if (admission.outcome === 'bucket_not_allowed') {
      strangerLog({ bucket: admission.bucket }, 'an event of a bucket that is not in PENSTOCK_BUCKETS');
    } else if (admission.outcome === 'refused') {
      const { image, reason, detail } = admission;
      refusalLog({ image, reason, detail }, 'image refused');
    } else if ('reason' in admission) {
      const { id: eventId, image, reason, detail } = admission;
      refusalLog({ eventId, ...(image === undefined ? {} : { image }), reason, detail }, 'event refused');
    }
  };

  return (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
    scope.setErrorHandler((error: FastifyError, request, reply) => {
      const status = error.statusCode ?? 500;
      if (status === 413) metrics.count('too_large');
      if (status >= 500) log.error({ err: error, path: request.routeOptions.url }, 'request failed');
      return reply.code(status).send({ error: status >= 500 ? 'internal error' : error.message });
    });
    const endpoint = (url: string, read: Reader): void => {
      scope.post(url, { onRequest: gate }, receive(url, read));
      const refuseMethod = (_request: FastifyRequest, reply: FastifyReply): FastifyReply =>
        reply.code(405).header('allow', 'POST').send({ error: 'only POST' });
      scope.route({
        method: ['GET', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'],
        url,
        onRequest: (request, reply) => void refuseMethod(request, reply),
        handler: refuseMethod,
      });
    };
    for (const [url, read] of Object.entries(READERS)) endpoint(url, read);
  };
}

/** Records with the traces of those that are traced; `end` when it is known what became of them. */
function traceAll(
  tracing: Pick<Tracing, 'begin'>,
  admissions: readonly Admission[],
  header: string | string[] | undefined,
): { records: AddressedRecord[]; end: (error: string | undefined) => void } {
  const spans: OpenSpan[] = [];
  const parent = typeof header === 'string' ? header : undefined;
  const records = admissions.flatMap((admission) => {
    if (!('record' in admission)) return [];
    const { record } = admission;
    if (admission.outcome !== 'accepted') return [record];
    const { id, image, lane, model } = admission;
    const attributes = {
      'penstock.event': id,
      'penstock.image': image,
      'penstock.lane': lane,
      'penstock.model': model,
    };
    const span = tracing.begin('receive event', parent, attributes);
    if (span === undefined) return [record];
    spans.push(span);
    return [withTrace(record, span.traceparent)];
  });
  return { records, end: (error) => spans.forEach((span) => span.end({}, error)) };
}

/** What the sender is told about one event. */
function answer(admission: Admission): Record<string, string> {
  const { outcome } = admission;
  if (outcome === 'accepted') return { outcome, id: admission.id, lane: admission.lane };
  if (outcome === 'refused') return { outcome, reason: admission.reason, detail: admission.detail };
  if ('reason' in admission) {
    return { outcome, id: admission.id, reason: admission.reason, detail: admission.detail };
  }
  return { outcome };
}
