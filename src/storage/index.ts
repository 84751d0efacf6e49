export { createStorageCheck } from './check.js';
export { crc32cOf } from './checksum.js';
export { createStorage } from './client.js';
export type { FailedAnswer } from './errors.js';
export { createObjectInspector, type InspectOutcome, type ObjectInspector } from './inspector.js';
export { createObjectLister, type ListOutcome, type ObjectLister } from './lister.js';
export { createObjectReader, type ObjectReader, type ReadOutcome, type StorageOptions } from './reader.js';
export { createObjectStreamer, ObjectStreamError, type ObjectStreamer, type StoredObject } from './objectStream.js';
export { createObjectWriter, type ObjectToWrite, type ObjectWriter, type WriteOutcome } from './writer.js';
