/** The one-machine stack: every server and every role on one machine, in one data directory. */
export { startStack, type Stack, type StackOptions } from './stack.js';
export {
  DEFAULT_BUCKET,
  endpointsPath,
  endpointsSchema,
  GCS_PROJECT,
  readEndpoints,
  type Endpoints,
} from './endpoints.js';
export { pointAtStack, roleEnvironment } from './environment.js';
export { DEFAULT_ROLES, type RoleSpec } from './roles.js';
export { StackError } from './errors.js';
export { checkModel, modelFolder } from './model.js';
export { withinMs } from './wait.js';
