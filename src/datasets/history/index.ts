export { findRun, listRuns, type RunRow } from './runs.js';
export { countQuarantined, listQuarantined, type QuarantineCount, type QuarantineRow } from './quarantine.js';
export { datasetStandings, type DatasetStanding } from './standing.js';
