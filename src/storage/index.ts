export { createObjectReader, type ObjectReader, type ReadOutcome, type StorageOptions } from './reader.js';
