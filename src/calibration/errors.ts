/** There is nothing to measure, or it can't be: the message is for a person. */
export class CalibrationError extends Error {
  override name = 'CalibrationError';
}

/** What was asked for is not there: pictures, or the execution provider. */
export class CalibrationChoiceError extends CalibrationError {
  override name = 'CalibrationChoiceError';
}
