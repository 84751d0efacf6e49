import { createStorage, type StorageAddress } from './client.js';
import { answerOf, type FailedAnswer } from './errors.js';

/** One page of the objects of a bucket, or why there is none. */
export type ListOutcome =
  | {
      kind: 'page';
      /** Object resources as the storage API has them, in order of their names (bytes of UTF-8). */
      resources: unknown[];
      /** Name of the last of them: what the next page comes after. Undefined where there is none. */
      last: string | undefined;
      /** Nothing comes after it. */
      isEnd: boolean;
    }
  | { kind: FailedAnswer; detail: string };

export interface ObjectLister {
  /**
   * Current generations only, at most `limit` of them, whose names begin with `prefix` and come after `after`. A name
   * and not a page token is the position: it means the same after days. Never throws.
   */
  list(from: { bucket: string; prefix: string; after?: string | undefined; limit: number }): Promise<ListOutcome>;
}

/** The API gives at most so many in one answer. */
const MOST_OBJECTS = 1_000;
/** An answer may be empty and yet not the last; so many in a row are a fault of the server. */
const MOST_EMPTY_ANSWERS = 100;
const FIELDS = 'items(bucket,name,generation,timeCreated,contentType,size,crc32c,metadata),nextPageToken';

/** Lists objects. `timeoutMs` bounds one request, default 20,000. */
export function createObjectLister(options: StorageAddress & { timeoutMs?: number }): ObjectLister {
  const storage = createStorage(options, { timeoutMs: options.timeoutMs ?? 20_000 });
  return {
    list: async ({ bucket, prefix, after, limit }) => {
      const resources: unknown[] = [];
      let token: string | undefined;
      try {
        for (let answers = 0; answers < MOST_EMPTY_ANSWERS; answers += 1) {
          const [, next, answer] = await storage.bucket(bucket).getFiles({
            autoPaginate: false,
            prefix,
            fields: FIELDS,
            // The offset is inclusive: the object that it names comes once more, and is dropped.
            maxResults: Math.min(MOST_OBJECTS, limit + (after === undefined ? 0 : 1)),
            ...(after === undefined ? {} : { startOffset: after }),
            ...(token === undefined ? {} : { pageToken: token }),
          });
          for (const one of itemsOf(answer)) if (nameOf(one) !== after) resources.push(one);
          token = tokenOf(next);
          if (token === undefined || resources.length > 0) break;
        }
      } catch (error) {
        const { answer, detail } = answerOf(error);
        return { kind: answer, detail };
      }
      const last = nameOf(resources.at(-1));
      const isEnd = token === undefined;
      if (!isEnd && last === undefined) return { kind: 'failed', detail: `${MOST_EMPTY_ANSWERS} answers, no object` };
      return { kind: 'page', resources, last, isEnd };
    },
  };
}

function itemsOf(answer: unknown): unknown[] {
  const { items } = (answer ?? {}) as { items?: unknown };
  return Array.isArray(items) ? items : [];
}

function nameOf(resource: unknown): string | undefined {
  const { name } = (resource ?? {}) as { name?: unknown };
  return typeof name === 'string' ? name : undefined;
}

function tokenOf(query: unknown): string | undefined {
  const { pageToken } = (query ?? {}) as { pageToken?: unknown };
  return typeof pageToken === 'string' && pageToken !== '' ? pageToken : undefined;
}
