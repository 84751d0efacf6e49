import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Shares one expensive commit among many callers: what arrives while a commit runs forms the next one. Idle, an item is
 * committed at once; under load, groups grow by themselves. Resolves for a caller when its items are committed.
 */
export class GroupCommit<T> {
  #group: Group<T> | undefined;
  #committing: Promise<void> | undefined;

  #committedAt = -Infinity;
  #committedItems = 0;

  /** `commit` is called for one group at a time. */
  constructor(
    private readonly commit: (items: T[]) => Promise<void>,
    private readonly options: GroupCommitOptions<T>,
  ) {}

  /** Resolves when the items are committed. */
  async add(items: readonly T[]): Promise<void> {
    const { committed } = await this.offer(items);
    await committed;
  }

  /** Resolves when a group has room for the items, which bounds what waits; `committed` does when they are. */
  async offer(items: readonly T[]): Promise<{ committed: Promise<void> }> {
    if (items.length === 0) return { committed: Promise.resolve() };
    const { sizeOf = () => 1 } = this.options;
    const size = items.reduce((sum, item) => sum + sizeOf(item), 0);
    let group = this.#group;
    while (group && group.size + size > this.options.maxItems && group.items.length > 0) {
      await group.done.catch(() => undefined);
      group = this.#group;
    }
    group ??= this.#newGroup();
    for (const item of items) group.items.push(item);
    group.size += size;
    if (group.size >= (this.options.fullItems ?? Infinity)) group.onFull();
    this.#next();
    return { committed: group.done };
  }

  /** Resolves when the group has gathered for long enough, or is large enough not to wait. */
  async #whenDue(group: Group<T>): Promise<void> {
    const { minIntervalMs = 0, trickle, fullItems = Infinity } = this.options;
    const isTrickle = trickle !== undefined && this.#committedItems <= trickle.items;
    const intervalMs = isTrickle ? trickle.intervalMs : minIntervalMs;
    const waitMs = Math.max(0, this.#committedAt + intervalMs - performance.now());
    if (group.size >= fullItems) return;
    const full = new Promise<void>((resolve) => (group.onFull = resolve));
    const ended = new AbortController();
    await Promise.race([full, sleep(waitMs, undefined, { signal: ended.signal }).catch(() => undefined)]);
    ended.abort();
  }

  #newGroup(): Group<T> {
    let resolve = (): void => undefined;
    let reject: (error: unknown) => void = () => undefined;
    const done = new Promise<void>((onCommit, onFailure) => {
      resolve = onCommit;
      reject = onFailure;
    });
    this.#group = { items: [], size: 0, done, resolve, reject, onFull: () => undefined };
    return this.#group;
  }

  #next(): void {
    const group = this.#group;
    if (this.#committing || group === undefined) return;
    this.#committing = this.#whenDue(group)
      .then(() => {
        this.#group = undefined;
        this.#committedAt = performance.now();
        this.#committedItems = group.size;
        return this.commit(group.items);
      })
      .then(group.resolve, group.reject)
      .finally(() => {
        this.#committing = undefined;
        this.#next();
      });
  }
}

/** Bounds of a group. */
export interface GroupCommitOptions<T> {
  /** Most items in a group; a larger call is a group of its own. */
  maxItems: number;
  /** Least time between the beginnings of two commits; milliseconds, default 0. A group after a pause goes at once. */
  minIntervalMs?: number;
  /** A shorter interval after a commit of at most so many items: while little comes, a commit need not be spared. */
  trickle?: { items: number; intervalMs: number };
  /** What an item counts for. Default: 1. */
  sizeOf?: (item: T) => number;
  /** A group of so many waits no longer, whatever the interval. Default: none. */
  fullItems?: number;
}

interface Group<T> {
  items: T[];
  size: number;
  done: Promise<void>;
  resolve: () => void;
  reject: (error: unknown) => void;
  onFull: () => void;
}
