import { render, type JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { Who } from '../answers.js';
import { BatchesPage } from './batchesPage.js';
import { FlowPage } from './flowPage.js';
import { goTo, LOGGED_OUT, useLocation } from './hooks.js';
import { ImagesPage } from './imagesPage.js';
import { LettersPage } from './lettersPage.js';
import { LoginPage } from './loginPage.js';
import { Failed, Link, Outside } from './parts.js';
import { request } from './request.js';

const PAGES: readonly (readonly [path: string, name: string])[] = [
  ['/', 'Flow'],
  ['/batches', 'Batches'],
  ['/letters', 'Letters'],
  ['/images', 'Images'],
];

function App(): JSX.Element {
  const [who, setWho] = useState<Who>();
  const [error, setError] = useState<string>();
  const ask = (): void => {
    request<Who>('/api/session')
      .then(setWho)
      .catch((reason: unknown) => setError(reason instanceof Error ? reason.message : String(reason)));
  };
  useEffect(() => {
    ask();
    addEventListener(LOGGED_OUT, ask);
    return () => removeEventListener(LOGGED_OUT, ask);
  }, []);
  if (error !== undefined)
    return (
      <main>
        <Failed error={error} retry={() => location.reload()} />
      </main>
    );
  if (who === undefined)
    return (
      <main>
        <p class="notice" role="status">
          Loading …
        </p>
      </main>
    );
  if (who.person === null) return <LoginPage login={who.login} done={setWho} />;
  return <Console who={who} person={who.person} loggedOut={setWho} />;
}

function Console({
  who,
  person,
  loggedOut,
}: {
  who: Who;
  person: NonNullable<Who['person']>;
  loggedOut: (who: Who) => void;
}): JSX.Element {
  const { pathname } = useLocation();
  useEffect(() => {
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  }, []);
  useEffect(() => {
    document.title = `${PAGES.find(([path]) => path === pathname)?.[1] ?? 'Flow'} · Penstock`;
  }, [pathname]);
  const mayChange = person.role === 'operator';
  return (
    <>
      <a class="skip" href="#main">
        To the content
      </a>
      <header class="top">
        <strong class="brand">Penstock</strong>
        <nav aria-label="Pages">
          {PAGES.map(([path, name]) => (
            <Link key={path} to={path} current={path === pathname}>
              {name}
            </Link>
          ))}
          {who.temporalUi !== null && <Outside to={who.temporalUi}>Temporal</Outside>}
        </nav>
        <span class="person">
          {person.name} <small>{person.role}</small>
        </span>
        <button type="button" onClick={turnTheme}>
          Dark or light
        </button>
        {person.by === 'cookie' && (
          <button type="button" onClick={() => void request<Who>('/api/session/end', {}).then(loggedOut)}>
            Log out
          </button>
        )}
      </header>
      <main id="main" tabIndex={-1}>
        {pathname === '/batches' ? (
          <BatchesPage mayChange={mayChange} />
        ) : pathname === '/letters' ? (
          <LettersPage mayChange={mayChange} />
        ) : pathname === '/images' ? (
          <ImagesPage />
        ) : (
          <FlowPage />
        )}
      </main>
      <footer>
        Penstock {who.version} · <a href="/openapi.json">API</a> · keys: <kbd>1</kbd>–<kbd>4</kbd> pages, <kbd>/</kbd>{' '}
        an image
      </footer>
    </>
  );
}

/** One key each, but not while somebody types. */
function onKey(event: KeyboardEvent): void {
  const isTyping = event.target instanceof HTMLElement && event.target.matches('input, select, textarea');
  if (isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
  const page = PAGES[Number(event.key) - 1];
  if (page) goTo(page[0]);
  if (event.key !== '/') return;
  event.preventDefault();
  if (location.pathname !== '/images') goTo('/images');
  requestAnimationFrame(() => document.getElementById('search')?.focus());
}

const THEME = 'penstock-theme';

function turnTheme(): void {
  const root = document.documentElement;
  const isDark = root.dataset['theme']
    ? root.dataset['theme'] === 'dark'
    : matchMedia('(prefers-color-scheme: dark)').matches;
  root.dataset['theme'] = isDark ? 'light' : 'dark';
  localStorage.setItem(THEME, root.dataset['theme']);
}

const theme = localStorage.getItem(THEME);
if (theme !== null) document.documentElement.dataset['theme'] = theme;
const place = document.getElementById('app');
if (place) render(<App />, place);
