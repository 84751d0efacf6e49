import { retryForever, watchProblems, type RoleContext, type WatchedServer } from '../service/index.js';
import { createConsumer } from './consumer.js';
import type { SliceHandler, StreamConsumer } from './types.js';

/** What a role reads with one consumer group. */
export interface RoleReading {
  /** Under this name `/readyz` says what is waited for. */
  name: string;
  groupId: string;
  topics: readonly string[];
  handler: SliceHandler;
  /** The broker. */
  server: WatchedServer;
}

/** Joins the group, waiting for Kafka and the topics as long as it takes, and says meanwhile why. */
export async function consume(
  context: RoleContext,
  { name, groupId, topics, handler, server }: RoleReading,
): Promise<StreamConsumer> {
  const { config, log, metrics, stopping, fail } = context;
  let reading = (): string[] => [`joining the consumer group ${groupId}`];
  const unwatch = watchProblems(context, name, () => [...server.problems(), ...reading()]);
  const consumer = await retryForever(
    () =>
      createConsumer({
        ...{ config, log, metrics, groupId, topics, handler },
        onFatal: fail,
        // One byte ends the wait; a longer one only spares the broker empty answers.
        lingerMs: 1_000,
        // Small: what is read is worked on at once, before the garbage collector has copied it about.
        maxBytesPerPartition: 1_048_576,
        maxBytes: 4 * 1_048_576,
      }),
    {
      backoff: { firstMs: 250, maxMs: 5_000 },
      signal: stopping,
      onError: (error, tries, waitMs) => {
        const why = error instanceof Error ? error.message : String(error);
        reading = () => [`${topics.join(', ')} can not be read yet: ${why}`];
        log.warn({ err: error, topics, tries, waitMs }, 'topics can not be read yet');
      },
    },
  );
  reading = () => consumer.problems();
  return {
    problems: () => consumer.problems(),
    close: async () => {
      unwatch();
      await consumer.close();
    },
  };
}
