import { setImmediate as nextTurn } from 'node:timers/promises';

/**
 * Shares a look at partitions of a topic among all who ask for one in the same turn of the event loop: what one insert
 * has stored is finished in many partitions at once, and to ask the broker costs as much for one as for all.
 */
export class Looks {
  readonly #next = new Map<string, { partitions: Set<number>; done: Promise<void> }>();

  constructor(private readonly examine: (topic: string, partitions: readonly number[]) => Promise<void>) {}

  /** Resolves, or rejects, as a look does that begins after the call. */
  at(topic: string, partition: number): Promise<void> {
    const next = this.#next.get(topic) ?? this.#begin(topic);
    next.partitions.add(partition);
    return next.done;
  }

  #begin(topic: string): { partitions: Set<number>; done: Promise<void> } {
    const partitions = new Set<number>();
    const done = nextTurn().then(() => {
      this.#next.delete(topic);
      return this.examine(topic, [...partitions]);
    });
    const next = { partitions, done };
    this.#next.set(topic, next);
    return next;
  }
}
