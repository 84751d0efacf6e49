/**
 * What a machine and a model sustain: measuring it, the file that keeps it, and the settings that a detector takes from
 * it.
 */
export {
  CapacityFileError,
  capacitySchema,
  readCapacityFile,
  writeCapacityFile,
  type Capacity,
  type Ceiling,
  type Point,
  type Rate,
} from './capacityFile.js';
export { calibrate, type CalibrationOptions } from './calibrate.js';
export { CalibrationChoiceError, CalibrationError } from './errors.js';
export { PARTS, sharedCeiling } from './parts.js';
export type { PictureChoice } from './pictures.js';
export { detectorSettings, type DetectorSettings } from './settings.js';
