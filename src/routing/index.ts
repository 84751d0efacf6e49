export type { RoutedObject, Route, Router, Routing } from './types.js';
export { openRouting } from './routing.js';
