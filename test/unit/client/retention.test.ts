import { describe, expect, it } from 'vitest';
import { checkRetention } from '../../../src/client/index.js';
import { ConfigError } from '../../../src/config/index.js';

type Temporal = Parameters<typeof checkRetention>[0];

function temporal(describeNamespace: () => Promise<unknown>): Temporal {
  return {
    namespace: 'default',
    connection: { workflowService: { describeNamespace } },
    client: { withDeadline: (_deadline: number, call: () => unknown) => call() },
  } as unknown as Temporal;
}
const keeps = (hours: number): Temporal =>
  temporal(() => Promise.resolve({ config: { workflowExecutionRetentionTtl: { seconds: hours * 3600 } } }));
const horizon = { PENSTOCK_RETRY_HORIZON_HOURS: 72 };

describe('how long Temporal keeps failed batches', () => {
  it('is enough from the horizon on', async () => {
    expect(await checkRetention(keeps(72), horizon)).toBe(72);
    await expect(checkRetention(keeps(71), horizon)).rejects.toThrow(ConfigError);
    await expect(checkRetention(keeps(24), horizon)).rejects.toThrow(
      /'default' of Temporal keeps closed executions for 24 hours.*--retention 72h/,
    );
  });

  it('is not known where it may not be asked, and every other failure is one', async () => {
    const failing = (code: number): Temporal =>
      temporal(() => Promise.reject(Object.assign(new Error('no'), { code, details: 'no', metadata: {} })));
    expect(await checkRetention(failing(7), horizon)).toBeUndefined();
    await expect(checkRetention(failing(14), horizon)).rejects.toThrow('no');
  });
});
