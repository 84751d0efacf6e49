import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { Who } from '../answers.js';
import { Failed } from './parts.js';
import { request } from './request.js';

/** Asks for a token. Behind a proxy there is nothing to ask: it lets in whom it knows. */
export function LoginPage({ login, done }: { login: Who['login']; done: (who: Who) => void }): JSX.Element {
  const [error, setError] = useState<string>();
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    const token = new FormData(event.currentTarget as HTMLFormElement).get('token');
    try {
      done(await request<Who>('/api/session', { token }));
    } catch (reason) {
      setError(reason instanceof Error ? reason.message : String(reason));
    }
  };
  return (
    <main class="login">
      <h1>Penstock</h1>
      {login === 'token' ? (
        <form onSubmit={(event) => void submit(event)}>
          <label>
            Token
            <input type="password" name="token" autocomplete="current-password" required autofocus />
          </label>
          <button type="submit" class="primary">
            Log in
          </button>
        </form>
      ) : (
        <p class="notice">The proxy in front of this page did not say who you are.</p>
      )}
      {error !== undefined && <Failed error={error} />}
    </main>
  );
}
