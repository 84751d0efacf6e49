import { useCallback, useEffect, useMemo, useState } from 'preact/hooks';
import { createPoll } from './poll.js';
import { Refused, request } from './request.js';

export interface Resource<T> {
  data: T | undefined;
  /** Why the last try gave nothing; what was there before stays. */
  error: string | undefined;
  reload: () => void;
}

/** Told when nobody is logged in any more. */
export const LOGGED_OUT = 'penstock-logged-out';

/**
 * What the API says under a path, asked again every `everyMs` while the page is seen, but never before the last answer has
 * come.
 */
export function useResource<T>(path: string | undefined, everyMs?: number): Resource<T> {
  const [state, setState] = useState<{ path: string | undefined; data?: T; error?: string }>({ path });
  const poll = useMemo(() => {
    if (path === undefined) return undefined;
    return createPoll(() => request<T>(path), {
      answered: (data) => setState({ path, data }),
      failed: (error) => {
        if (error instanceof Refused && error.status === 401) dispatchEvent(new Event(LOGGED_OUT));
        const sentence = error instanceof Error ? error.message : String(error);
        setState((before) => ({ ...(before.path === path ? before : { path }), error: sentence }));
      },
    });
  }, [path]);
  const reload = useCallback(() => poll?.now(), [poll]);
  useEffect(() => {
    poll?.now();
    const tick = (): void => {
      if (document.visibilityState === 'visible') poll?.tick();
    };
    const timer = everyMs === undefined ? undefined : setInterval(tick, everyMs);
    return () => {
      clearInterval(timer);
      poll?.close();
    };
  }, [poll, everyMs]);
  // What belongs to another path is not this one's.
  const is = state.path === path ? state : { path };
  return { data: 'data' in is ? is.data : undefined, error: 'error' in is ? is.error : undefined, reload };
}

/** Moves to another page of the console. */
export function goTo(to: string): void {
  history.pushState(null, '', to);
  dispatchEvent(new PopStateEvent('popstate'));
}

/** Where the console is. */
export function useLocation(): URL {
  const [href, setHref] = useState(location.href);
  useEffect(() => {
    const moved = (): void => setHref(location.href);
    addEventListener('popstate', moved);
    return () => removeEventListener('popstate', moved);
  }, []);
  return new URL(href);
}
