import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { Refused, request } from './request.js';

export interface Resource<T> {
  data: T | undefined;
  /** Why the last try gave nothing; what was there before stays. */
  error: string | undefined;
  reload: () => void;
}

/** Told when nobody is logged in any more. */
export const LOGGED_OUT = 'penstock-logged-out';

/** What the API says under a path, asked again every `everyMs` while the page is seen. */
export function useResource<T>(path: string | undefined, everyMs?: number): Resource<T> {
  const [state, setState] = useState<{ path: string | undefined; data?: T; error?: string }>({ path });
  const turn = useRef(0);
  const reload = useCallback(() => {
    if (path === undefined) return;
    const mine = (turn.current += 1);
    request<T>(path)
      .then((data) => {
        if (turn.current === mine) setState({ path, data });
      })
      .catch((error: unknown) => {
        if (error instanceof Refused && error.status === 401) dispatchEvent(new Event(LOGGED_OUT));
        const sentence = error instanceof Error ? error.message : String(error);
        if (turn.current === mine)
          setState((before) => ({ ...(before.path === path ? before : { path }), error: sentence }));
      });
  }, [path]);
  useEffect(() => {
    reload();
    if (everyMs === undefined) return undefined;
    const timer = setInterval(() => {
      if (document.visibilityState === 'visible') reload();
    }, everyMs);
    return () => clearInterval(timer);
  }, [reload, everyMs]);
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
