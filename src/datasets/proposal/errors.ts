/** No manifest can be proposed, and the message says why. */
export class ProposalError extends Error {
  override name = 'ProposalError';
  /** What was asked for can't be, whatever is in the sample. */
  readonly isMisuse: boolean;

  constructor(message: string, { isMisuse = false, cause }: { isMisuse?: boolean; cause?: unknown } = {}) {
    super(message, { cause });
    this.isMisuse = isMisuse;
  }
}
