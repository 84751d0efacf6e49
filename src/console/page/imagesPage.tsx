import type { JSX } from 'preact';
import { useRef, useState } from 'preact/hooks';
import type { Image, Recent } from '../answers.js';
import { goTo, useLocation, useResource } from './hooks.js';
import { Badge, Link, Outside, Shown, Time, type Tone } from './parts.js';
import { Picture } from './picture.js';
import { duration, number } from './words.js';

const EVERY_MS = 5_000;

/** One image, or those that were stored last. */
export function ImagesPage(): JSX.Element {
  const name = useLocation().searchParams.get('name');
  return (
    <>
      <h1>Images</h1>
      <Search key={name ?? ''} name={name ?? ''} />
      {name === null ? <RecentImages /> : <ImageView name={name} />}
    </>
  );
}

function Search({ name }: { name: string }): JSX.Element {
  const input = useRef<HTMLInputElement>(null);
  return (
    <form
      class="actions"
      role="search"
      onSubmit={(event) => {
        event.preventDefault();
        const text = input.current?.value.trim() ?? '';
        goTo(text === '' ? '/images' : linkOf(text));
      }}
    >
      <label class="wide">
        Image{' '}
        <input
          id="search"
          ref={input}
          type="search"
          defaultValue={name}
          placeholder="gs://bucket/folder/picture.jpg"
          autocomplete="off"
          spellcheck={false}
        />
      </label>
      <button type="submit">Find</button>
    </form>
  );
}

const linkOf = (name: string): string => `/images?${new URLSearchParams({ name }).toString()}`;

function RecentImages(): JSX.Element {
  const recent = useResource<Recent>('/api/images/recent', EVERY_MS);
  return (
    <Shown of={recent} isEmpty={({ images }) => images.length === 0} empty="No image was stored within a day.">
      {({ images }) => (
        <div class="scroll" role="region" aria-label="Images that were stored last" tabIndex={0}>
          <table>
            <thead>
              <tr>
                <th scope="col">Stored</th>
                <th scope="col">State</th>
                <th scope="col">Boxes</th>
                <th scope="col">Model</th>
                <th scope="col">Image</th>
              </tr>
            </thead>
            <tbody>
              {images.map(({ bucket, object, generation, model, status, reason, boxes, stored_at }) => (
                <tr key={`${bucket} ${object} ${generation} ${model}`}>
                  <td>
                    <Time at={stored_at} />
                  </td>
                  <td>
                    <Badge tone={status === 'dead' ? 'bad' : 'good'}>{reason === '' ? status : reason}</Badge>
                  </td>
                  <td class="number">{status === 'dead' ? '' : number(boxes)}</td>
                  <td>{model}</td>
                  <td class="id">
                    <Link to={linkOf(`gs://${bucket}/${object}`)}>{`gs://${bucket}/${object}`}</Link>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Shown>
  );
}

function ImageView({ name }: { name: string }): JSX.Element {
  const image = useResource<Image>(`/api/image?${new URLSearchParams({ name }).toString()}`);
  return (
    <Shown of={image}>
      {(data) => (
        <>
          <h2 class="id">{data.image}</h2>
          <p>{inBucket(data.bucket)}</p>
          {Object.entries(data.notAsked).map(([server, problem]) => (
            <p key={server} class="notice bad">
              {server} could not be asked: {problem}
            </p>
          ))}
          {data.neverReceived && (
            <p class="notice">
              {data.neverReceived.sentence} {data.neverReceived.advice}
            </p>
          )}
          {data.images.map((one) => (
            <Generation key={`${one.generation} ${one.model}`} name={data.image} of={one} />
          ))}
        </>
      )}
    </Shown>
  );
}

type OneImage = Image['images'][number];

function Generation({ name, of }: { name: string; of: OneImage }): JSX.Element {
  const { generation, model, state, sentence, advice, batch, event } = of;
  const found = of.results.find(({ status }) => status === 'detected');
  const [chosen, setChosen] = useState<number>();
  return (
    <article class="image">
      <header>
        <Badge tone={toneOf(state)}>{state}</Badge> {model} <small>generation {generation}</small>
      </header>
      <p>{sentence}</p>
      {advice !== null && <p class="lead">{advice}</p>}
      {found && (
        <div class="detected">
          <Picture name={`${name}#${generation}`} result={found} chosen={chosen} choose={setChosen} />
          <ol class="boxes" aria-label="What was found">
            {found.boxes.map(([label, score], index) => (
              <li key={index}>
                <button
                  type="button"
                  aria-pressed={chosen === index}
                  onClick={() => setChosen(chosen === index ? undefined : index)}
                >
                  {label} <small>{Math.round(score * 100)} %</small>
                </button>
              </li>
            ))}
            {found.boxes.length === 0 && <li>Nothing was found.</li>}
          </ol>
        </div>
      )}
      <Timeline of={of} />
      <dl class="facts">
        {event && (
          <>
            <dt>Event</dt>
            <dd class="id">
              {event.id}, {event.topic}/{event.partition}/{event.offset}
            </dd>
          </>
        )}
        {batch && (
          <>
            <dt>Batch</dt>
            <dd class="id">
              {batch.link === null ? batch.workflowId : <Outside to={batch.link}>{batch.workflowId}</Outside>}
              {batch.status && ` ${batch.status.toLowerCase()}`}
            </dd>
            {batch.attempts !== null && (
              <>
                <dt>Attempts</dt>
                <dd>{number(batch.attempts)}</dd>
              </>
            )}
            {batch.lastFailure !== null && (
              <>
                <dt>Failed</dt>
                <dd>{batch.lastFailure}</dd>
              </>
            )}
          </>
        )}
      </dl>
    </article>
  );
}

function Timeline({ of: { timings, state } }: { of: OneImage }): JSX.Element {
  const steps: [name: string, at: string | null, seconds: number | null][] = [
    ['uploaded', timings.uploadedAt, null],
    ['received', timings.receivedAt, timings.uploadToReceivedSeconds],
    [state === 'dead' ? 'decided' : 'detected', timings.detectedAt, timings.receivedToDetectedSeconds],
    ['stored', timings.storedAt, timings.detectedToStoredSeconds],
  ];
  return (
    <ol class="timeline" aria-label="Timeline">
      {steps.map(([name, at, seconds]) => (
        <li key={name} class={at === null ? 'open' : ''}>
          <strong>{name}</strong> {at === null ? 'not yet' : <Time at={at} />}
          {at !== null && seconds !== null && <small>after {duration(Math.max(0, seconds))}</small>}
        </li>
      ))}
    </ol>
  );
}

function toneOf(state: string): Tone {
  if (state === 'detected') return 'good';
  return ['dead', 'lost'].includes(state) ? 'bad' : 'warn';
}

function inBucket(bucket: Image['bucket']): string {
  if (bucket.state === 'absent') return 'It is not in its bucket.';
  if (bucket.state === 'unknown') return `Whether it is in its bucket is not known: ${bucket.problem}`;
  const size = bucket.sizeBytes === null ? '' : `, ${number(bucket.sizeBytes)} bytes`;
  return `In its bucket: generation ${bucket.generation}${size}.`;
}
