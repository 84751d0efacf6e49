export type { RoutedObject, Route, Router, Routing } from './types.js';
export { checkRouting, openRouting, readRoutes, type RoutingConfig, type RoutingOptions } from './routing.js';
export { routingMetrics } from './metrics.js';
export { deadlineOf } from './deadline.js';
export { routingFileSchema } from './schema.js';
export { RouteTable, type RouteRule } from './table.js';
export { routeWarnings, type RoutingWarning } from './warnings.js';
