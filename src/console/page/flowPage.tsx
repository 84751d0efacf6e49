import type { JSX } from 'preact';
import { useMemo } from 'preact/hooks';
import type { Flow, Sample, Status } from '../answers.js';
import { Chart, type Line } from './chart.js';
import { useResource } from './hooks.js';
import { Badge, Link, Shown, Stat, Time } from './parts.js';
import { counts, duration, many, number, perSecond } from './words.js';

/** The console looks every ten seconds at most. */
const EVERY_MS = 5_000;

/** What comes, what waits, what is let through, and when it is done. */
export function FlowPage(): JSX.Element {
  const flow = useResource<Flow>('/api/flow', EVERY_MS);
  return (
    <>
      <h1>Flow</h1>
      <Shown of={flow}>
        {({ status, samples }) => (
          <>
            <Figures status={status} />
            <Charts samples={samples} />
            <Parts status={status} />
          </>
        )}
      </Shown>
    </>
  );
}

function Figures({ status }: { status: Status }): JSX.Element {
  const { forecast, capacity, batches, rate, expectedWaitSeconds, deadLetters, deadImages, audit } = status;
  const lanes = status.backlog?.filter(({ lane }) => lane !== null);
  const waiting = lanes?.reduce((sum, { records }) => sum + records, 0);
  const missing = status.backlog?.reduce((sum, of) => sum + of.missing, 0) ?? 0;
  const cap = capacity?.models.find(({ holders }) => holders.length > 0) ?? capacity?.models[0];
  const letters = deadLetters === null ? null : Object.values(deadLetters).reduce((sum, of) => sum + of, 0);
  return (
    <dl class="stats">
      <Stat name="Arriving" value={perSecond(forecast?.arrivingPerSecond)} note="images, of late" />
      <Stat
        name="Waiting"
        value={number(waiting)}
        note={lanes?.map(({ lane, records }) => `${lane ?? ''} ${number(records)}`).join(', ')}
        {...(missing > 0 ? { tone: 'bad' as const } : {})}
      />
      <Stat
        name="Cap"
        value={capacity === null ? 'unknown' : typeof cap?.cap !== 'number' ? 'none' : perSecond(cap.cap)}
        note={
          capacity?.paused
            ? `paused by ${capacity.paused.who}: ${capacity.paused.why}`
            : `${many(cap?.holders.filter(({ standby }) => !standby).length ?? 0, 'detector')} of ${cap?.model ?? 'no model'}`
        }
        {...(capacity?.paused ? { tone: 'warn' as const } : {})}
      />
      <Stat name="Detected" value={perSecond(rate?.imagesPerSecond)} note="stored in the last minute" />
      <Stat name="Wait" value={duration(expectedWaitSeconds)} note="of an image that comes now" />
      <Stat name="Clears" value={clears(status)} note={forecastNote(status)} />
      <Stat
        name="Failed batches"
        value={<Link to="/batches">{number(batches?.failedLastDay)}</Link>}
        note={`in 24 hours; ${number(batches?.open)} open`}
        {...((batches?.failedLastDay ?? 0) > 0 ? { tone: 'warn' as const } : {})}
      />
      <Stat
        name="Dead letters"
        value={<Link to="/letters">{number(letters)}</Link>}
        note={`open; dead images in 24 hours: ${counts(deadImages)}`}
        {...((letters ?? 0) > 0 ? { tone: 'warn' as const } : {})}
      />
      {typeof capacity?.budget.left === 'number' && (
        <Stat
          name="Budget of the day"
          value={number(capacity.budget.left)}
          note={`images left, ${number(capacity.budget.used)} used`}
          {...(capacity.budget.exhausted ? { tone: 'bad' as const } : {})}
        />
      )}
      {audit !== null && (
        <Stat
          name="Missing"
          value={number(audit.missing)}
          note={
            <>
              by the audit of <Time at={audit.checkedAt} />
            </>
          }
          tone={audit.missing > 0 ? 'bad' : 'good'}
        />
      )}
    </dl>
  );
}

function clears({ forecast }: Status): string {
  if (forecast === null) return 'unknown';
  if (forecast.clearsInSeconds === null) return 'never';
  return forecast.clearsInSeconds === 0 ? 'nothing waits' : `in ${duration(forecast.clearsInSeconds)}`;
}

function forecastNote({ forecast, capacity }: Status): string {
  if (forecast === null) return 'it is not known what comes, or what is let through';
  const { growsPerHour, cost, budgetStopsOn } = forecast;
  return [
    'if it goes on so',
    ...(growsPerHour === null ? [] : [`grows by ${number(growsPerHour)} an hour`]),
    ...(cost === null ? [] : [`costs ${cost.toFixed(2)} ${capacity?.budget.currency ?? ''}`]),
    ...(budgetStopsOn === null ? [] : [`the budget of ${budgetStopsOn} stops it`]),
  ].join('; ');
}

function Charts({ samples }: { samples: readonly Sample[] }): JSX.Element {
  const latest = samples.at(-1)?.at;
  const [times, rates, waiting] = useMemo((): [number[], Line[], Line[]] => {
    const of = (pick: (sample: Sample) => number | null): (number | null)[] => samples.map(pick);
    return [
      samples.map(({ at }) => Date.parse(at) / 1000),
      [
        { name: 'arriving', colour: '--blue', values: of(({ arriving }) => arriving) },
        { name: 'detected', colour: '--green', values: of(({ detected }) => detected) },
        { name: 'cap', colour: '--dim', values: of(({ cap }) => cap), dashed: true },
      ],
      [{ name: 'waiting', colour: '--orange', values: of(({ backlog }) => backlog) }],
    ];
    // They are one list that grows.
  }, [latest, samples.length]);
  const last = samples.at(-1);
  return (
    <section class="charts" aria-label="The last hours">
      <Chart
        title="Arrivals and detections"
        unit="images/s"
        times={times}
        lines={rates}
        summary={`${number(last?.arriving)} arriving, ${number(last?.detected)} detected, cap ${number(last?.cap)} images a second`}
      />
      <Chart
        title="Waiting in Kafka"
        unit="images"
        times={times}
        lines={waiting}
        summary={`${number(last?.backlog)} images wait`}
      />
    </section>
  );
}

function Parts({ status: { roles, servers, batches } }: { status: Status }): JSX.Element {
  const parts = Object.entries({ ...servers, ...roles });
  return (
    <section>
      <h2>Servers and roles</h2>
      <ul class="parts">
        {parts.map(([name, { healthy, waits, problem }]) => (
          <li key={name}>
            <Badge tone={healthy ? 'good' : 'bad'}>{healthy ? 'ready' : 'waits'}</Badge> {name}
            {!healthy && <small>{[problem, ...Object.values(waits)].filter(Boolean).join('; ')}</small>}
          </li>
        ))}
      </ul>
      {(batches?.breakers ?? []).map(({ bucket, model, reason, detail }) => (
        <p key={`${bucket} ${model}`} class="notice bad">
          Circuit breaker of {bucket} for {model} is open: {reason} {detail}
        </p>
      ))}
    </section>
  );
}
