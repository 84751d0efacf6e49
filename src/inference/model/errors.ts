import type { ImageReason } from '../../domain/index.js';
import type { TensorInfo } from './tensorInfo.js';

/** A model that can't be used; the message names the file, the key and what would be right. */
export class ModelError extends Error {
  override name = 'ModelError';
}

/** An ONNX file that is not what model.yaml says, with what it has instead. */
export class MisfitError extends ModelError {
  override name = 'MisfitError';

  constructor(
    message: string,
    readonly inputs: readonly TensorInfo[],
    readonly outputs: readonly TensorInfo[],
  ) {
    super(message);
  }
}

/** An execution provider that isn't there; the message lists those that are. */
export class ProviderError extends Error {
  override name = 'ProviderError';
}

export type ImageErrorReason = Extract<
  ImageReason,
  'NOT_AN_IMAGE' | 'CORRUPT_IMAGE' | 'UNSUPPORTED_FORMAT' | 'TOO_MANY_PIXELS' | 'DECODE_TIMEOUT'
>;

/** A picture that can't become a tensor, with the reason code of its outcome. */
export class ImageError extends Error {
  override name = 'ImageError';

  constructor(
    readonly reason: ImageErrorReason,
    message: string,
  ) {
    super(message);
  }
}
