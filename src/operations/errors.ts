/** What was asked for can not be: the name of an image that is none, a choice of nothing. Nothing was tried. */
export class RequestError extends Error {
  override name = 'RequestError';
}

/** It could not be done, and the message says all there is to say. */
export class OperationError extends Error {
  override name = 'OperationError';
}
