import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';

/** Buckets of delays of images and rows, from what is idle to a backlog of a day; seconds. */
export const DELAYS: readonly number[] = [0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 300, 900, 3_600, 14_400, 43_200, 86_400];

/** A metric of Penstock, as a table of them shows it. */
export interface MetricDefinition {
  name: string;
  type: 'counter' | 'gauge' | 'histogram';
  help: string;
  labels: readonly string[];
}

/** Makes metrics named `penstock_<thing>_<unit>` in one registry, with bounded labels. */
export interface Metrics {
  readonly registry: Registry;
  /** What was made so far, in its order. */
  readonly definitions: readonly MetricDefinition[];
  /** `known` are labels whose series begin with 0, so that the first increase of each is seen as one. */
  counter<L extends string = never>(
    name: `penstock_${string}_total`,
    help: string,
    labels?: readonly L[],
    known?: readonly Record<L, string>[],
  ): Counter<L>;
  gauge<L extends string = never>(name: `penstock_${string}`, help: string, labels?: readonly L[]): Gauge<L>;
  /** A gauge that is read whenever somebody looks. */
  observe(name: `penstock_${string}`, help: string, read: () => number): void;
  /** The same, with labels. */
  observeEach<L extends string>(
    name: `penstock_${string}`,
    help: string,
    labels: readonly L[],
    read: () => readonly { labels: Record<L, string>; value: number }[],
  ): void;
  histogram<L extends string = never>(
    name: `penstock_${string}`,
    help: string,
    buckets: readonly number[],
    labels?: readonly L[],
  ): Histogram<L>;
  /** Adds what another source tells, in the same format, to `text`; while it fails it is left out. */
  include(read: () => Promise<string>): void;
  /** All of it, as Prometheus reads it. */
  text(): Promise<string>;
}

/** Metrics of a process; the label `role` is on each. */
export function createMetrics(role: string): Metrics {
  const registry = new Registry();
  registry.setDefaultLabels({ role });
  // The default samples the event loop 100 times a second, which alone costs an idle process 2 % of a core.
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: 200 });
  const common = { registers: [registry] };
  const sources: (() => Promise<string>)[] = [];
  const definitions: MetricDefinition[] = [];
  const define = <L extends string>(
    type: MetricDefinition['type'],
    name: string,
    help: string,
    labels: readonly L[],
  ): { registers: Registry[]; name: string; help: string; labelNames: readonly L[] } => {
    definitions.push({ name, type, help, labels });
    return { ...common, name, help, labelNames: labels };
  };
  return {
    registry,
    definitions,
    include: (read) => sources.push(read),
    text: async () => {
      const texts = await Promise.all([registry.metrics(), ...sources.map((read) => read().catch(() => ''))]);
      return texts.filter((text) => text !== '').join('\n');
    },
    counter: (name, help, labels = [], known = []) => {
      const counter = new Counter(define('counter', name, help, labels));
      for (const labelled of known) counter.inc(labelled, 0);
      return counter;
    },
    gauge: (name, help, labels = []) => new Gauge(define('gauge', name, help, labels)),
    observe: (name, help, read) => {
      new Gauge({
        ...define('gauge', name, help, []),
        collect() {
          this.set(read());
        },
      });
    },
    observeEach: (name, help, labels, read) => {
      new Gauge({
        ...define('gauge', name, help, labels),
        collect() {
          this.reset();
          for (const { labels: of, value } of read()) this.set(of, value);
        },
      });
    },
    histogram: (name, help, buckets, labels = []) =>
      new Histogram({ ...define('histogram', name, help, labels), buckets: [...buckets] }),
  };
}
