import {
  condition,
  continueAsNew,
  defineQuery,
  defineSignal,
  log,
  setCurrentDetails,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import {
  BREAKER_QUERY,
  BREAKER_SIGNALS,
  describeBreaker,
  type BreakerDecision,
  type BreakerSettings,
  type BreakerState,
  type ProbeOutcome,
  type SourceEvidence,
} from '../domain/breaker.js';
import { BreakerBoard, type BoardSnapshot } from './breakerBoard.js';

export const breakersQuery = defineQuery<BreakerState>(BREAKER_QUERY);

/**
 * The circuit breakers of all sources, in one execution that never ends. Batches say what fails, dispatchers ask which
 * sources are open and hold their events; probes and people close them again. It needs no timers: who asks compares
 * the time of the next probe with its own clock.
 */
export async function breaker(input: BoardSnapshot): Promise<void> {
  const board = new BreakerBoard(input);
  const describe = (): void => {
    const { open } = board.state();
    setCurrentDetails(open.length === 0 ? 'Every source is dispatched.' : open.map(describeBreaker).join('\n\n'));
  };
  const on = (signal: string, handle: (value: never) => void): void => {
    setHandler(defineSignal<[never]>(signal), (value) => {
      try {
        handle(value);
      } catch (error) {
        // Anybody may send one by hand. Thrown, it would be tried again for ever, and no breaker would open or close.
        log.error('a signal can not be used and is left out', { signal, error: String(error) });
      }
      describe();
    });
  };
  on(BREAKER_SIGNALS.evidence, (evidence: SourceEvidence[]) => board.add(evidence, Date.now()));
  on(BREAKER_SIGNALS.probed, (outcome: ProbeOutcome) => board.probed(outcome, Date.now()));
  on(BREAKER_SIGNALS.decide, (decision: BreakerDecision) => board.decide(decision, Date.now()));
  on(BREAKER_SIGNALS.settings, (settings: BreakerSettings) => board.configure(settings));
  setHandler(breakersQuery, () => board.state());
  describe();
  await condition(() => workflowInfo().continueAsNewSuggested);
  await continueAsNew<typeof breaker>(board.snapshot(Date.now()));
}
