import { isSpanContextValid, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace, TraceFlags } from '@opentelemetry/api';
import type { Context, Span, SpanContext } from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { AlwaysOnSampler, BasicTracerProvider, BatchSpanProcessor } from '@opentelemetry/sdk-trace-base';
import type { Config } from '../config/index.js';
import type { OpenSpan, SpanAttributes, SpanRecord, Tracing } from './types.js';

/** Spans that wait to be sent; further ones are dropped, so that a collector that is away costs no memory. */
const MAX_QUEUE = 2_048;
const EXPORT_MS = 5_000;
const CLOSE_MS = 3_000;
const PARENT = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;

/** Traces nothing. */
export const NO_TRACING: Tracing = { begin: () => undefined, record: () => undefined, close: () => Promise.resolve() };

/**
 * Tracing of a role by OpenTelemetry, exported by OTLP over HTTP to `OTEL_EXPORTER_OTLP_ENDPOINT`; nothing without one.
 * `PENSTOCK_TRACE_RATIO` of the images are traced, and those whose sender says so.
 */
export function createTracing(
  config: Pick<Config, 'OTEL_EXPORTER_OTLP_ENDPOINT' | 'PENSTOCK_TRACE_RATIO'>,
  role: string,
  random: () => number = Math.random,
): Tracing {
  const endpoint = config.OTEL_EXPORTER_OTLP_ENDPOINT;
  if (endpoint === undefined) return NO_TRACING;
  // Headers and certificates come from the exporter's own variables.
  const exporter = new OTLPTraceExporter({
    url: `${endpoint.replace(/\/+$/, '')}/v1/traces`,
    timeoutMillis: EXPORT_MS,
  });
  const provider = new BasicTracerProvider({
    resource: resourceFromAttributes({ 'service.namespace': 'penstock', 'service.name': `penstock-${role}` }),
    // Sampled here, before anything is made of an image that is not traced.
    sampler: new AlwaysOnSampler(),
    spanProcessors: [new BatchSpanProcessor(exporter, { maxQueueSize: MAX_QUEUE, exportTimeoutMillis: EXPORT_MS })],
  });
  const tracer = provider.getTracer('penstock');

  const start = (name: string, parent: Context, kind: SpanKind, attributes: SpanAttributes, startMs?: number): Span =>
    tracer.startSpan(
      name,
      {
        kind,
        attributes,
        // A small number would be taken for one since the start of the process.
        ...(startMs === undefined ? {} : { startTime: new Date(startMs) }),
      },
      parent,
    );

  return {
    begin: (name, parent, attributes) => {
      const from = parseParent(parent);
      // A sender that traces, but not this one: proxies put such a header on every request.
      const parentTraced = from !== undefined && isTraced(from);
      if (!parentTraced && random() >= config.PENSTOCK_TRACE_RATIO) return undefined;
      return openSpan(start(name, contextOf(parentTraced ? from : undefined), SpanKind.PRODUCER, attributes));
    },
    record: (name, { parent, startMs, endMs = Date.now(), attributes = {}, error }: SpanRecord) => {
      const from = parseParent(parent);
      if (from === undefined || !isTraced(from)) return;
      const span = start(name, contextOf(from), SpanKind.CONSUMER, attributes, startMs);
      if (error !== undefined) span.setStatus({ code: SpanStatusCode.ERROR, message: error.slice(0, 500) });
      span.end(new Date(Math.max(startMs, endMs)));
    },
    close: async () => {
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, CLOSE_MS)));
      await Promise.race([provider.shutdown().catch(() => undefined), late]);
      clearTimeout(timer);
    },
  };
}

function openSpan(span: Span): OpenSpan {
  const { traceId, spanId } = span.spanContext();
  return {
    traceparent: `00-${traceId}-${spanId}-01`,
    end: (attributes, error) => {
      if (attributes) span.setAttributes({ ...attributes });
      if (error !== undefined) span.setStatus({ code: SpanStatusCode.ERROR, message: error.slice(0, 500) });
      span.end();
    },
  };
}

function parseParent(parent: string | undefined): SpanContext | undefined {
  const [, traceId = '', spanId = '', flags = ''] = PARENT.exec(parent ?? '') ?? [];
  const context = { traceId, spanId, traceFlags: Number.parseInt(flags, 16), isRemote: true };
  return isSpanContextValid(context) ? context : undefined;
}

function isTraced({ traceFlags }: SpanContext): boolean {
  return (traceFlags & TraceFlags.SAMPLED) !== 0;
}

function contextOf(parent: SpanContext | undefined): Context {
  return parent === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, parent);
}
