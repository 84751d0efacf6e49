import { dispatchMetrics } from '../dispatch/index.js';
import { engineMetrics, Pacer } from '../inference/index.js';
import { datasetsApiMetrics, detectMetrics, intakeMetrics } from '../intake/index.js';
import { routingMetrics } from '../routing/index.js';
import { buildMetrics } from '../service/index.js';
import { sinkMetrics } from '../sink/index.js';
import { streamMetrics } from '../stream/index.js';
import { createLogger, createMetrics, type MetricDefinition, type Metrics } from '../telemetry/index.js';
import {
  auditMetrics,
  capacityMetrics,
  datasetMetrics,
  detectorMetrics,
  warehouseMetrics,
} from '../workers/metrics.js';

/** What each role defines, as it does when it starts. */
const DEFINED_BY: Readonly<Record<string, readonly ((metrics: Metrics) => unknown)[]>> = {
  intake: [intakeMetrics, detectMetrics, datasetsApiMetrics, routingMetrics],
  dispatcher: [dispatchMetrics, streamMetrics],
  detector: [detectorMetrics, (metrics) => engineMetrics(metrics, new Pacer())],
  orchestrator: [
    (metrics) => capacityMetrics(metrics, createLogger('orchestrator', 'silent')),
    ...[auditMetrics, datasetMetrics, warehouseMetrics, routingMetrics],
  ],
  sink: [sinkMetrics, streamMetrics],
  'every role': [buildMetrics],
};

/** A metric and the roles that have it. */
export interface ListedMetric extends MetricDefinition {
  roles: readonly string[];
}

/** Every metric of Penstock, once, by the roles that have it. */
export function listMetrics(): ListedMetric[] {
  const listed = new Map<string, MetricDefinition & { roles: string[] }>();
  for (const [role, definers] of Object.entries(DEFINED_BY)) {
    const metrics = createMetrics(role);
    for (const define of definers) define(metrics);
    for (const definition of metrics.definitions) {
      const known = listed.get(definition.name);
      if (known) known.roles.push(role);
      else listed.set(definition.name, { ...definition, roles: [role] });
    }
  }
  return [...listed.values()];
}

/** docs/metrics.md: a table for each role, or group of roles. */
export function metricsPage(header: string): string {
  const groups = groupByRoles(listMetrics());
  const sections = [...groups].map(([roles, metrics]) => {
    const rows = metrics.map(({ name, type, labels, help }) => {
      const shown = labels.length === 0 ? '' : labels.map((label) => `\`${label}\``).join(', ');
      return `| \`${name}\` | ${type} | ${shown} | ${help.replace(/\.$/, '').replaceAll('|', '\\|')} |`;
    });
    return [`## ${roles}`, '', '| metric | type | labels | meaning |', '| --- | --- | --- | --- |', ...rows].join('\n');
  });
  return `${header}\n\n${sections.join('\n\n')}\n`;
}

function groupByRoles(metrics: readonly ListedMetric[]): Map<string, ListedMetric[]> {
  const groups = new Map<string, ListedMetric[]>();
  for (const metric of metrics) {
    const roles = metric.roles.join(', ');
    groups.set(roles, [...(groups.get(roles) ?? []), metric]);
  }
  return groups;
}
