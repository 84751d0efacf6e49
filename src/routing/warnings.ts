import type { RouteRule, RouteTable } from './table.js';

export interface RoutingWarning {
  line: number;
  message: string;
}

/** What can be used but is hardly meant so. `buckets` are those whose events are taken; empty for any. */
export function routeWarnings(table: RouteTable, buckets: readonly string[]): RoutingWarning[] {
  return table.rules.flatMap((rule) => {
    const messages: string[] = [];
    const parent = table.parentOf(rule);
    if (parent && sameTarget(rule, parent))
      messages.push(`changes nothing: line ${parent.line} (prefix '${parent.prefix}') sends its objects the same way`);
    if (!parent && rule.ignore) messages.push('changes nothing: no wider route would take these objects');
    if (buckets.length > 0 && !buckets.includes(rule.bucket))
      messages.push(`takes nothing: PENSTOCK_BUCKETS does not have '${rule.bucket}'`);
    if (rule.prefix.startsWith('/'))
      messages.push("names of objects rarely begin with '/': gs://bucket/a.jpg has the name a.jpg");
    return messages.map((message) => ({ line: rule.line, message: `${rule.bucket} '${rule.prefix}': ${message}` }));
  });
}

function sameTarget(a: RouteRule, b: RouteRule): boolean {
  if (a.ignore || b.ignore) return a.ignore && b.ignore;
  // A version is that of the name, wherever it is named.
  return a.model === b.model && a.lane === b.lane && a.deadlineMs === b.deadlineMs;
}
