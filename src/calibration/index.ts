/** What a machine and a model sustain: the file that keeps it, and the settings that a detector takes from it. */
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
export { detectorSettings, type DetectorSettings } from './settings.js';
