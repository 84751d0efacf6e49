import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { Batches, FailedBatch, RetryOutcomes } from '../answers.js';
import { Choose, ChooseAll, useChoice } from './choose.js';
import { useResource } from './hooks.js';
import { Badge, Failed, Outside, Shown, Time } from './parts.js';
import { request } from './request.js';
import { counts, number } from './words.js';

const EVERY_MS = 5_000;

/** Batches with images that an operator may retry. */
export function BatchesPage({ mayChange }: { mayChange: boolean }): JSX.Element {
  const batches = useResource<Batches>('/api/batches', EVERY_MS);
  const choice = useChoice();
  const [said, setSaid] = useState<{ sentence?: string; error?: string; busy?: boolean }>({});
  const retry = async (): Promise<void> => {
    setSaid({ busy: true });
    try {
      const { batches: outcomes } = await request<RetryOutcomes>('/api/batches/retry', { ids: [...choice.ids] });
      choice.none();
      setSaid({ sentence: sentenceOf(outcomes) });
    } catch (error) {
      setSaid({ error: error instanceof Error ? error.message : String(error) });
    }
    batches.reload();
  };
  return (
    <>
      <h1>Failed batches</h1>
      <p class="lead">
        A batch that is started again leaves out what is detected by now, and tries all else. Twice is harmless.
      </p>
      <div class="actions" aria-live="polite">
        {mayChange && (
          <button
            type="button"
            class="primary"
            disabled={choice.ids.size === 0 || said.busy === true}
            onClick={() => void retry()}
          >
            {said.busy ? 'Starting …' : `Retry ${choice.ids.size === 0 ? '' : number(choice.ids.size)}`}
          </button>
        )}
        {said.sentence !== undefined && <span role="status">{said.sentence}</span>}
      </div>
      {said.error !== undefined && <Failed error={said.error} />}
      <Shown of={batches} isEmpty={(data) => data.batches.length === 0} empty="No batch has failed.">
        {(data) => (
          <>
            <div class="scroll" role="region" aria-label="Failed batches" tabIndex={0}>
              <table>
                <thead>
                  <tr>
                    {mayChange && (
                      <td>
                        <ChooseAll choice={choice} of={data.batches.map(({ workflowId }) => workflowId)} />
                      </td>
                    )}
                    <th scope="col">Ended</th>
                    <th scope="col">How</th>
                    <th scope="col">Dead images</th>
                    <th scope="col">Images</th>
                    <th scope="col">Model</th>
                    <th scope="col">Batch</th>
                  </tr>
                </thead>
                <tbody>
                  {data.batches.map((batch) => (
                    <tr key={batch.workflowId}>
                      {mayChange && (
                        <td>
                          <Choose choice={choice} id={batch.workflowId} />
                        </td>
                      )}
                      <Row batch={batch} />
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
            {data.more && <p class="notice">There are more: penstock retry --all takes them all.</p>}
          </>
        )}
      </Shown>
    </>
  );
}

function Row({ batch }: { batch: FailedBatch }): JSX.Element {
  const { closedAt, status, dead, images, model, workflowId, link, problem } = batch;
  return (
    <>
      <td>
        <Time at={closedAt} />
      </td>
      <td>
        <Badge tone="bad">{problem ?? status.toLowerCase().replace('_', ' ')}</Badge>
      </td>
      <td>{dead === null ? 'not told' : counts(dead)}</td>
      <td class="number">{number(images)}</td>
      <td>{model}</td>
      <td class="id">{link === null ? workflowId : <Outside to={link}>{workflowId}</Outside>}</td>
    </>
  );
}

function sentenceOf(outcomes: RetryOutcomes['batches']): string {
  const started = outcomes.filter(({ outcome }) => outcome === 'started').length;
  const others = outcomes.filter(({ outcome }) => outcome !== 'started');
  const why = others.slice(0, 3).map(({ workflowId, problem }) => `${workflowId}: ${problem ?? ''}`);
  return [`${started} of ${outcomes.length} started.`, ...why].join(' ');
}
