export { serve } from './role.js';
