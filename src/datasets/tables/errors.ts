/** A manifest that no table can be made of. `planTable` says the same as a value. */
export class UnfitManifestError extends Error {
  override name = 'UnfitManifestError';
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join('; '));
    this.problems = problems;
  }
}
