import type { Config } from '../config/index.js';
import { HELD_LANE } from '../domain/index.js';
import { YamlError, YamlSource, type YamlProblem } from '../yaml/index.js';
import { durationMs, routingFileSchema, type RoutingFile } from './schema.js';
import { RouteTable, type RouteRule } from './table.js';

export type RouteDefaults = Pick<Config, 'PENSTOCK_LANES' | 'PENSTOCK_DEFAULT_LANE'>;

/** Reads the text of a file of routes. Throws YamlError that names everything that is wrong, by line and column. */
export function parseRoutes(text: string, file: string, config: RouteDefaults): RouteTable {
  const source = new YamlSource(text);
  const refuseAny = (problems: readonly YamlProblem[]): void => {
    if (problems.length > 0) throw new YamlError(file, problems);
  };
  refuseAny(source.syntaxProblems('version: 1 and a list of routes'));
  const parsed = routingFileSchema.safeParse(source.value());
  if (!parsed.success)
    throw new YamlError(
      file,
      parsed.error.issues.flatMap((issue) => source.describe(issue, routingFileSchema)),
    );
  refuseAny(contradictions(parsed.data, source, config));
  return new RouteTable(
    parsed.data.routes.map((route, index) => rule(route, source.at(['routes', index]).line, config)),
  );
}

type FileRoute = RoutingFile['routes'][number];

/** What no schema of one route can say. */
function contradictions({ routes }: RoutingFile, source: YamlSource, config: RouteDefaults): YamlProblem[] {
  const problems: YamlProblem[] = [];
  const seen = new Map<string, number>();
  const pins = new Map<string, { pin: string; line: number }>();
  for (const [index, { bucket, prefix, model, lane, deadline, ignore }] of routes.entries()) {
    const path = ['routes', index];
    const { line } = source.at(path);
    const refuse = (key: string, message: string): void => {
      problems.push({ ...source.at([...path, key]), message });
    };
    const key = `${bucket}/${prefix}`;
    const earlier = seen.get(key);
    if (earlier === undefined) seen.set(key, line);
    else refuse('bucket', `bucket '${bucket}' with prefix '${prefix}' has a route in line ${earlier} already`);
    if (ignore) {
      for (const [name, value] of Object.entries({ model, lane, deadline }))
        if (value !== undefined) refuse(name, `${name}: not together with ignore, which sends objects nowhere`);
    } else if (model === undefined)
      refuse('bucket', 'the route has no model; to send these objects nowhere: ignore: true');
    if (lane === HELD_LANE)
      refuse('lane', `lane '${lane}': there the events of an open circuit breaker wait; nothing is routed to it`);
    else if (lane !== undefined && !config.PENSTOCK_LANES.includes(lane))
      refuse('lane', `lane '${lane}': not configured; PENSTOCK_LANES has ${config.PENSTOCK_LANES.join(', ')}`);
    const [name = '', pin] = model?.split('@') ?? [];
    const pinned = pins.get(name);
    if (pin !== undefined && pinned === undefined) pins.set(name, { pin, line });
    else if (pin !== undefined && pin !== pinned?.pin)
      refuse(
        'model',
        `model '${model ?? ''}': line ${pinned?.line ?? 0} has ${name}@${pinned?.pin ?? ''}; one version of a model is shown`,
      );
  }
  return problems;
}

function rule({ bucket, prefix, model, lane, deadline }: FileRoute, line: number, config: RouteDefaults): RouteRule {
  if (model === undefined) return { line, bucket, prefix, ignore: true };
  const [name = '', pin] = model.split('@');
  return {
    ...{ line, bucket, prefix, ignore: false, model: name, lane: lane ?? config.PENSTOCK_DEFAULT_LANE },
    ...(pin === undefined ? {} : { pin }),
    ...(deadline === undefined ? {} : { deadlineMs: durationMs(deadline) }),
  };
}
