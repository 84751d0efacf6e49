export {
  asText,
  check,
  fateOf,
  JSON_FORM,
  optional,
  required,
  setAside,
  type Fate,
  type Landed,
  type LandedRow,
  type World,
} from './fate.js';
export { decimalText, fixed, germanNumber, int64, uint32, uint64, unitsOf, wholeText } from './numbers.js';
export {
  EMPTY,
  expectRun,
  expectRuns,
  rowTexts,
  type Quarantined,
  type RunOutcome,
  type Rules,
  type Table,
  type TableRow,
} from './runs.js';
export { dayText, germanTimes, isoText, isoTime, monthIn } from './times.js';
