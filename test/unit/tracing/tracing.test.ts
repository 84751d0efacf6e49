import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createTracing, NO_TRACING, type Tracing } from '../../../src/tracing/index.js';
import { startCollector, type Collector } from '../../collector.js';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const PARENT = `00-${TRACE}-b7ad6b7169203331-01`;

const START = Date.UTC(2026, 2, 29);

let collector: Collector;

beforeEach(async () => {
  collector = await startCollector();
});

afterEach(() => collector.close());

/** Traces every image whose number of the lot is below `ratio`. */
function tracing(ratio: number, lot = 0.5): Tracing {
  const config = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint, PENSTOCK_TRACE_RATIO: ratio };
  return createTracing(config, 'test', () => lot);
}

describe('tracing', () => {
  it('sends the steps of an image as one trace, each below the first', async () => {
    const traced = tracing(1);
    const span = traced.begin('receive event', undefined, { 'penstock.image': 'gs://uploads/a.jpg#1' });
    expect(span?.traceparent).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
    traced.record('detect', {
      parent: span?.traceparent ?? '',
      startMs: START,
      endMs: START + 500,
      error: 'NOT_FOUND: gone',
    });
    span?.end();
    await traced.close();
    const [root, step] = ['receive event', 'detect'].map((name) => collector.spans.find((one) => one.name === name));
    expect(collector.spans).toHaveLength(2);
    expect(root).toMatchObject({ service: 'penstock-test', attributes: { 'penstock.image': 'gs://uploads/a.jpg#1' } });
    expect(step).toMatchObject({ traceId: root?.traceId, parentSpanId: root?.spanId, status: 2 });
    expect(step).toMatchObject({ startMs: START, endMs: START + 500 });
  });

  it("goes on with the sender's trace, whatever the ratio", async () => {
    const traced = tracing(0);
    traced.begin('receive event', PARENT, {})?.end();
    await traced.close();
    expect(collector.spans).toMatchObject([{ traceId: TRACE, parentSpanId: 'b7ad6b7169203331' }]);
  });

  it('begins one of its own, by the ratio, where a proxy has put a header on the request that is not traced', async () => {
    const unsampled = PARENT.replace(/01$/, '00');
    expect(tracing(0.4).begin('receive event', unsampled, {})).toBeUndefined();
    const traced = tracing(0.6);
    traced.begin('receive event', unsampled, {})?.end();
    await traced.close();
    expect(collector.spans).toMatchObject([{ parentSpanId: '' }]);
    expect(collector.spans[0]?.traceId).not.toBe(TRACE);
  });

  it('makes nothing of an image that is not traced, nor of a header that is none', async () => {
    const traced = tracing(0.4);
    expect(traced.begin('receive event', undefined, {})).toBeUndefined();
    for (const parent of ['', 'garbage', '00-0-0-01', `00-${'0'.repeat(32)}-b7ad6b7169203331-01`])
      traced.record('detect', { parent, startMs: 1 });
    await traced.close();
    expect(collector.spans).toEqual([]);
  });

  it('is nothing at all without a collector, and ends in time where it is away', async () => {
    expect(createTracing({ OTEL_EXPORTER_OTLP_ENDPOINT: undefined, PENSTOCK_TRACE_RATIO: 1 }, 'test')).toBe(NO_TRACING);
    const config = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9', PENSTOCK_TRACE_RATIO: 1 };
    const traced = createTracing(config, 'test');
    traced.begin('receive event', undefined, {})?.end();
    await traced.close();
  });
});
