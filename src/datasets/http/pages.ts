import type { FetchOptions, Page } from './page.js';
import { openSession } from './session.js';
import type { HttpSource } from './source.js';

/**
 * Fetches pages one after the other, each when it is asked for, until the last. An empty page at the end is given too. One
 * that goes on `from` a position asks for the page behind it first. Connections are closed when the generator ends.
 *
 * Throws HttpSourceError; the signal's reason when it aborts; and what `secrets` and `pace` throw.
 */
export async function* fetchPages(source: HttpSource, options: FetchOptions): AsyncGenerator<Page> {
  const session = openSession(source, options);
  try {
    for (let { from } = options; ;) {
      const page = await session.fetch(from);
      yield page;
      if (page.next === undefined) return;
      from = page.next;
    }
  } finally {
    session.close();
  }
}
