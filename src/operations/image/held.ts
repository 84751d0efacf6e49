import { describeBreaker, sourceKey, type OpenBreaker, type Source } from '../../domain/index.js';

/** Why the events of a source are held; `breakers` is null where nobody could be asked. */
export function heldSentence(breakers: readonly OpenBreaker[] | null): (source: Source) => string {
  return (source) => {
    if (breakers === null) return 'held by a circuit breaker; which, and why, could not be asked';
    const breaker = breakers.find((one) => sourceKey(one) === sourceKey(source));
    return breaker
      ? describeBreaker(breaker)
      : 'its circuit breaker is closed again: it is on its way back to its lane';
  };
}
