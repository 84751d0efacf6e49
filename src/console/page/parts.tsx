import type { ComponentChildren, JSX } from 'preact';
import { goTo, type Resource } from './hooks.js';
import { time } from './words.js';

/** One figure with its name. */
export function Stat(props: {
  name: string;
  value: ComponentChildren;
  note?: ComponentChildren;
  tone?: Tone;
}): JSX.Element {
  return (
    <div class={`stat ${props.tone ?? ''}`}>
      <dt>{props.name}</dt>
      <dd>
        <strong>{props.value}</strong>
        {props.note !== undefined && <small>{props.note}</small>}
      </dd>
    </div>
  );
}

export type Tone = 'good' | 'bad' | 'warn';

export function Badge({ tone, children }: { tone?: Tone; children: ComponentChildren }): JSX.Element {
  return <span class={`badge ${tone ?? ''}`}>{children}</span>;
}

export function Time({ at }: { at: string | null | undefined }): JSX.Element {
  return at ? (
    <time dateTime={at} title={at}>
      {time(at)}
    </time>
  ) : (
    <span>unknown</span>
  );
}

/** Another page of the console. */
export function Link({
  to,
  children,
  current,
}: {
  to: string;
  children: ComponentChildren;
  current?: boolean;
}): JSX.Element {
  const follow = (event: MouseEvent): void => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    goTo(to);
  };
  return (
    <a href={to} onClick={follow} {...(current ? { 'aria-current': 'page' as const } : {})}>
      {children}
    </a>
  );
}

export function Outside({ to, children }: { to: string; children: ComponentChildren }): JSX.Element {
  return (
    <a href={to} target="_blank" rel="noreferrer">
      {children}
    </a>
  );
}

export function Failed({ error, retry }: { error: string; retry?: () => void }): JSX.Element {
  return (
    <div class="notice bad" role="alert">
      <p>{error}</p>
      {retry && (
        <button type="button" onClick={retry}>
          Try again
        </button>
      )}
    </div>
  );
}

/** What is there, or why it is not: loading, an error, nothing. What was there stays beside an error. */
export function Shown<T>({
  of: { data, error, reload },
  isEmpty,
  empty,
  children,
}: {
  of: Resource<T>;
  isEmpty?: (data: T) => boolean;
  empty?: ComponentChildren;
  children: (data: T) => ComponentChildren;
}): JSX.Element {
  return (
    <>
      {error !== undefined && <Failed error={error} retry={reload} />}
      {data === undefined ? (
        error === undefined && (
          <p class="notice" role="status">
            Loading …
          </p>
        )
      ) : isEmpty?.(data) ? (
        <p class="notice">{empty}</p>
      ) : (
        children(data)
      )}
    </>
  );
}
