import type { Config } from '../config/index.js';
import type { Logger } from '../telemetry/index.js';
import { connectKafka } from './kafka.js';

/** Asks the brokers whether they answer, on a connection of its own: no request of the role's work stands before it. */
export interface BrokerCheck {
  /** Rejects when no broker answers within the time. */
  ask(timeoutMs: number): Promise<void>;
  close(): Promise<void>;
}

/** @param answerMs bound on a connection, and on an answer; milliseconds */
export function createBrokerCheck(config: Config, log: Logger, answerMs = 2_000): BrokerCheck {
  const kafka = connectKafka(config, log.child({}, { level: 'silent' }), { timeoutMs: answerMs });
  const admin = kafka.admin({ retry: { retries: 0 } });
  return {
    ask: async (timeoutMs) => {
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<never>((_resolve, reject) => {
        timer = setTimeout(() => reject(new Error(`no answer within ${timeoutMs / 1000} s`)), timeoutMs);
      });
      const asking = admin.connect().then(() => admin.describeCluster());
      asking.catch(() => undefined);
      try {
        await Promise.race([asking, late]);
      } catch (error) {
        // The library says nothing of use where a connection that it has gives no answer.
        throw error instanceof TypeError ? new Error('no broker answers') : error;
      } finally {
        clearTimeout(timer);
      }
    },
    close: () => admin.disconnect(),
  };
}
