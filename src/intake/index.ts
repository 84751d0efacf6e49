import { openRouting } from '../routing/index.js';
import { retryForever, serveRole, watchServer } from '../service/index.js';
import { createBrokerCheck, createProducer, ensureTopics } from '../stream/index.js';
import { serveDatasetsApi } from './datasets/index.js';
import { serveDetectApi } from './detect/index.js';
import { createIntake } from './intake.js';

export { datasetsApiMetrics } from './datasets/metrics.js';
export { detectMetrics } from './detect/metrics.js';
export { intakeMetrics } from './intakeMetrics.js';
export { createReadAgain } from './readAgain.js';
export type { Admission } from './admit.js';

/**
 * The role `intake`: takes the events of Cloud Storage over HTTP and hands them to Kafka. It answers 2xx only when the
 * broker has acknowledged. Beside that it serves the API for programs.
 */
export async function serve(): Promise<void> {
  await serveRole('intake', async ({ config, log, metrics, tracing, http, listen, waits, stopping }) => {
    const routing = await openRouting(config, log, { metrics });
    const producer = await createProducer({ config, log, metrics });
    const broker = createBrokerCheck(config, log);
    const kafka = watchServer('Kafka', (timeoutMs) => broker.ask(timeoutMs));
    const brokerProblems = (): string[] => kafka.problems();
    const intake = createIntake({ config, log, metrics, tracing, http, waits, producer, routing, brokerProblems });
    const apis = [
      await serveDetectApi({ config, log, metrics, http, routing }),
      await serveDatasetsApi({ config, log, metrics, http }),
    ];
    // Other roles need no intake to begin: it listens before there is a broker, and says 503 until then.
    await listen();
    waits.set('topics', 'the topics are not there yet');
    await retryForever(() => ensureTopics(config, log), {
      backoff: { firstMs: 200, maxMs: 5_000 },
      signal: stopping,
      onError: (err, tries, waitMs) => log.warn({ err, tries, waitMs }, 'topics can not be checked yet'),
    });
    waits.delete('topics');
    return {
      stop: async () => {
        kafka.stop();
        await Promise.all([intake, ...apis].map((part) => part.stop()));
        await broker.close();
      },
    };
  });
}
