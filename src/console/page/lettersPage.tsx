import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { Decision, Letter, Letters, WholeLetter } from '../answers.js';
import { Choose, ChooseAll, useChoice } from './choose.js';
import { goTo, useLocation, useResource } from './hooks.js';
import { Badge, Failed, Link, Shown, Time } from './parts.js';
import { request } from './request.js';
import { counts } from './words.js';

const STATES = ['open', 'replayed', 'discarded'] as const;

/** What intake, a dispatcher or the sink refused. */
export function LettersPage({ mayChange }: { mayChange: boolean }): JSX.Element {
  const { searchParams } = useLocation();
  const id = searchParams.get('id');
  if (id !== null) return <LetterPage id={id} />;
  const state = STATES.find((one) => one === searchParams.get('state')) ?? 'open';
  return (
    <List
      key={`${state} ${searchParams.get('after') ?? ''}`}
      state={state}
      after={searchParams.get('after')}
      mayChange={mayChange}
    />
  );
}

function List(props: { state: string; after: string | null; mayChange: boolean }): JSX.Element {
  const { state, after, mayChange } = props;
  const query = new URLSearchParams({ state, ...(after === null ? {} : { after }) });
  const letters = useResource<Letters>(`/api/letters?${query.toString()}`);
  const choice = useChoice();
  const isOpen = state === 'open';
  return (
    <>
      <h1>Dead letters</h1>
      <p class="lead">
        Events, records and rows that were refused. Sending one back twice changes no number. Pictures that could not be
        detected are in <Link to="/batches">failed batches</Link>.
      </p>
      <div class="actions">
        <label>
          State{' '}
          <select value={state} onChange={(event) => goTo(`/letters?state=${event.currentTarget.value}`)}>
            {STATES.map((one) => (
              <option key={one}>{one}</option>
            ))}
          </select>
        </label>
      </div>
      {mayChange && isOpen && (
        <Decide
          ids={[...choice.ids]}
          done={() => {
            choice.none();
            letters.reload();
          }}
        />
      )}
      <Shown of={letters} isEmpty={(data) => data.letters.length === 0} empty={`No letter is ${state}.`}>
        {(data) => (
          <>
            <div class="scroll" role="region" aria-label="Dead letters" tabIndex={0}>
              <table>
                <thead>
                  <tr>
                    {mayChange && isOpen && (
                      <td>
                        <ChooseAll choice={choice} of={data.letters.map((letter) => letter.id)} />
                      </td>
                    )}
                    <th scope="col">Received</th>
                    <th scope="col">Reason</th>
                    <th scope="col">Detail</th>
                    <th scope="col">From</th>
                    <th scope="col">Letter</th>
                  </tr>
                </thead>
                <tbody>
                  {data.letters.map((letter) => (
                    <tr key={letter.id}>
                      {mayChange && isOpen && (
                        <td>
                          <Choose choice={choice} id={letter.id} />
                        </td>
                      )}
                      <Row letter={letter} />
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
            {data.next !== null && (
              <p>
                <Link to={`/letters?${new URLSearchParams({ state, after: data.next }).toString()}`}>Older ones</Link>
              </p>
            )}
          </>
        )}
      </Shown>
    </>
  );
}

function Row({ letter }: { letter: Letter }): JSX.Element {
  return (
    <>
      <td>
        <Time at={letter.received_at} />
      </td>
      <td>
        <Badge tone="bad">{letter.reason}</Badge>
      </td>
      <td class="long">{letter.detail}</td>
      <td>{letter.origin}</td>
      <td class="id">
        <Link to={`/letters?${new URLSearchParams({ id: letter.id }).toString()}`}>{letter.id}</Link>
      </td>
    </>
  );
}

function Decide({ ids, done }: { ids: readonly string[]; done: () => void }): JSX.Element {
  const [why, setWhy] = useState('');
  const [said, setSaid] = useState<{ sentence?: string; error?: string; busy?: boolean }>({});
  const decide = async (what: 'replay' | 'discard'): Promise<void> => {
    setSaid({ busy: true });
    try {
      const { counts: of, letters } = await request<Decision>(`/api/letters/${what}`, { ids, why });
      const problem = letters.find((letter) => letter.why !== null);
      setSaid({
        sentence: `${counts(of).replaceAll('_', ' ')}.${problem ? ` ${problem.id}: ${problem.why ?? ''}` : ''}`,
      });
      setWhy('');
      done();
    } catch (error) {
      setSaid({ error: error instanceof Error ? error.message : String(error) });
    }
  };
  const isReady = ids.length > 0 && why.trim() !== '' && said.busy !== true;
  return (
    <form class="actions" aria-live="polite" onSubmit={(event) => event.preventDefault()}>
      <label class="wide">
        Why <input type="text" value={why} maxLength={1000} onInput={(event) => setWhy(event.currentTarget.value)} />
      </label>
      <button type="button" class="primary" disabled={!isReady} onClick={() => void decide('replay')}>
        Replay {ids.length || ''}
      </button>
      <button type="button" disabled={!isReady} onClick={() => void decide('discard')}>
        Discard {ids.length || ''}
      </button>
      {said.sentence !== undefined && <span role="status">{said.sentence}</span>}
      {said.error !== undefined && <Failed error={said.error} />}
    </form>
  );
}

function LetterPage({ id }: { id: string }): JSX.Element {
  const letter = useResource<WholeLetter>(`/api/letters/${encodeURIComponent(id)}`);
  return (
    <>
      <p>
        <Link to="/letters">Dead letters</Link>
      </p>
      <h1>Letter {id}</h1>
      <Shown of={letter}>
        {({ letter: of, decisions }) => (
          <>
            <dl class="facts">
              <dt>Reason</dt>
              <dd>
                <Badge tone="bad">{of.reason}</Badge> {of.detail}
              </dd>
              <dt>State</dt>
              <dd>{of.state}</dd>
              <dt>From</dt>
              <dd>{of.origin}</dd>
              <dt>Received</dt>
              <dd>
                <Time at={of.received_at} />
              </dd>
              {decisions.map(({ decision, decided_at, who, why }) => (
                <>
                  <dt>{decision}</dt>
                  <dd>
                    <Time at={decided_at} /> by {who}: {why}
                  </dd>
                </>
              ))}
              {Object.entries(of.headers).map(([name, value]) => (
                <>
                  <dt>{name}</dt>
                  <dd>{value}</dd>
                </>
              ))}
            </dl>
            <h2>
              Body <small>{`${of.payload_encoding}${of.payload_truncated ? ', its beginning' : ''}`}</small>
            </h2>
            <pre tabIndex={0}>{of.payload}</pre>
          </>
        )}
      </Shown>
    </>
  );
}
