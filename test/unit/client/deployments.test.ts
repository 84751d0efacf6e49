import { expect, it } from 'vitest';
import { takeOverUnlessTaken, type TemporalClient } from '../../../src/client/index.js';

/** A server that knows the build `b`; returns what is made current. */
async function takeOver(routingConfig: object): Promise<string[]> {
  const made: string[] = [];
  const connection = {
    withDeadline: (_deadline: number, call: () => Promise<unknown>) => call(),
    workflowService: {
      describeWorkerDeployment: () =>
        Promise.resolve({
          workerDeploymentInfo: { versionSummaries: [{ deploymentVersion: { buildId: 'b' } }], routingConfig },
          conflictToken: new Uint8Array([1]),
        }),
      setWorkerDeploymentCurrentVersion: ({ buildId }: { buildId: string }) => {
        made.push(buildId);
        return Promise.resolve({});
      },
    },
  };
  await takeOverUnlessTaken({ connection, namespace: 'n' } as unknown as TemporalClient, 'b');
  return made;
}

const decided = { currentVersionChangedTime: { seconds: 1, nanos: 0 } };

it('the first build ever is current at once', async () => {
  expect(await takeOver({})).toEqual(['b']);
});

it('a build takes nothing over from another, nor where somebody has promoted none', async () => {
  expect(await takeOver({ ...decided, currentDeploymentVersion: { buildId: 'a' } })).toEqual([]);
  expect(await takeOver(decided)).toEqual([]);
});
