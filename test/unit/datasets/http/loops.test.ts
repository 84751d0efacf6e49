import { expect, test } from 'vitest';
import { fetchPages, type PagePosition } from '../../../../src/datasets/http/index.js';
import { extendTrail } from '../../../../src/datasets/http/trail.js';
import { failureOf, fetchAll, idsOf, numbered, optionsOf, serve, serveBodies, sourceOf, startApi } from './fetching.js';

test.each(['page', 'offset'] as const)('an API that does not know %s is noticed at the second page', async (type) => {
  let asked = 0;
  // What is around the records differs each time.
  const api = await serve((_, response) => response.end(`{"at":${(asked += 1)},"items":[{"id":1},{"id":2}]}`));
  const failure = await failureOf(sourceOf({ url: api.url, records: 'items', pagination: { type } }));
  expect(failure).toMatchObject({ kind: 'loop', retryable: false });
  expect(failure.message).toContain(`page 2 has the records of page 1 again: does the API know ${type}?`);
  expect(asked).toBe(2);
});

test('a page that is given twice is a loop by its number, and is given twice by a cursor', async () => {
  const records = numbered(40);
  const byPage = await startApi({ records, pageSize: 10, repeatPage: 2 });
  expect((await failureOf(byPage.source)).message).toContain('page 3 has the records of page 2 again');
  const byCursor = await startApi({ records, pageSize: 10, repeatPage: 2, pagination: 'cursor' });
  expect(idsOf(await fetchAll(byCursor.source)).length).toBe(50);
});

test('a cursor or a link that leads back is a loop', async () => {
  const cursors = await serveBodies(
    ...['a', 'b', 'c', 'b'].map((next, id) => JSON.stringify({ next, items: [{ id }] })),
  );
  const byCursor = sourceOf({ url: cursors.url, records: 'items', pagination: { type: 'cursor', next: 'next' } });
  const failure = await failureOf(byCursor);
  expect(failure.kind).toBe('loop');
  expect(failure.message).toContain('page 4 leads to page 3 again');
  const links = await serve(({ url = '' }, response) =>
    response.setHeader('link', `<${url.includes('p=2') ? '/records' : '?p=2'}>; rel=next`).end('[{"id":1}]'),
  );
  const byLink = sourceOf({ url: links.url, pagination: { type: 'link-header' } });
  expect((await failureOf(byLink)).message).toContain('page 2 leads to page 1 again');
});

test('an empty page that leads to itself ends it; one that leads on does not', async () => {
  const api = await serveBodies(
    '{"next":"a","items":[{"id":1}]}',
    '{"next":"b","items":[]}',
    '{"next":"c","items":[{"id":2}]}',
    '{"next":"c","items":[]}',
  );
  const source = sourceOf({ url: api.url, records: 'items', pagination: { type: 'cursor', next: 'next' } });
  expect(idsOf(await fetchAll(source))).toEqual([1, 2]);
  expect(api.requests.length).toBe(4);
});

test('a loop is noticed by a fetch that went on behind its beginning', async () => {
  const api = await serveBodies('[{"id":1}]', '[{"id":2}]', '[{"id":1}]');
  const source = sourceOf({ url: api.url, pagination: { type: 'page' } });
  let from: PagePosition | undefined;
  for await (const page of fetchPages(source, optionsOf())) {
    from = page.next;
    break;
  }
  expect((await failureOf(source, { from })).message).toContain('page 3 has the records of page 1 again');
});

test('any cycle is met again within three times its pages, and the trail stays small', () => {
  for (const [before, cycle] of [
    [0, 1],
    [5, 3],
    [0, 13],
    [100, 77],
    [3, 1_000],
  ] as const) {
    let trail: readonly string[] = [];
    let met: { index: number; repeats: number } | undefined;
    for (let index = 1; met === undefined && index <= 3 * (before + cycle) + 1; index += 1) {
      const at = index - 1 < before ? index - 1 : before + ((index - 1 - before) % cycle);
      const extended = extendTrail(trail, `mark ${at}`, index);
      if ('repeats' in extended) met = { index, repeats: extended.repeats };
      else trail = extended.trail;
      expect(trail.length).toBeLessThanOrEqual(13);
    }
    const { index = 0, repeats = 0 } = met ?? {};
    expect(repeats).toBeGreaterThan(before);
    expect((index - repeats) % cycle).toBe(0);
  }
});
