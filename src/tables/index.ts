export { TablesError, TablesFileError } from './errors.js';
export { openTables, readTables } from './file.js';
export { tablesFileSchema, type TopicTable } from './schema.js';
