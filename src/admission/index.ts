export {
  createObjectAdmission,
  type AddressedRecord,
  type AdmissionConfig,
  type ObjectAdmission,
} from './admitObject.js';
export { invalid, isRecord, refused, type FinalizedObject, type Reading } from './reading.js';
export { readStorageObject } from './storageObject.js';
