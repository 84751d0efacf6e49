import { YamlError, YamlFileError } from '../../yaml/index.js';
import { UsageError, VerbError } from '../verb.js';

/** What a verb says of a manifest that can't be used, or can't be read; any other error as it is. */
export function manifestError(error: unknown): unknown {
  if (error instanceof YamlError) return new VerbError(error.message);
  if (error instanceof YamlFileError) return new UsageError(error.message);
  return error;
}
