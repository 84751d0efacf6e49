export { serveRole, type RoleContext, type RunningRole } from './role.js';
export { buildMetrics, programVersion } from './build.js';
export { createHttpServer } from './http.js';
export { watchProblems, watchServer, type WatchedServer } from './watch.js';
export { retryForever, type Backoff } from './retry.js';
export { Gate } from './gate.js';
export { isLoopback } from './loopback.js';
export {
  openApiDocument,
  type OpenApiBody,
  type OpenApiCommon,
  type OpenApiOperation,
  type OpenApiResponse,
} from './openApi.js';
