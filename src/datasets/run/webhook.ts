import { createHmac } from 'node:crypto';
import type { EndDatasetInput } from '../../domain/index.js';
import { postJson } from '../http/index.js';
import type { DatasetDependencies } from './dependencies.js';
import { appliedManifest } from './manifests.js';

const TIMEOUT_MS = 20_000;

/**
 * Tells the webhook of the manifest the end of a run. The header `penstock-signature` is `t=SECONDS,v1=HEX`: HMAC-SHA-256
 * with the secret over `SECONDS.BODY`, as Stripe has it; `penstock-delivery` is the same at every try. Throws when it
 * is not answered with 2xx.
 */
export async function tellEnd(dependencies: DatasetDependencies, end: EndDatasetInput, nowMs: number): Promise<void> {
  const { warehouse, secrets, allowPrivate } = dependencies;
  const { run, plan, status, counts, warnings, failure } = end;
  const applied = await appliedManifest(warehouse, run.dataset, plan?.manifestHash);
  const webhook = applied?.manifest.webhook;
  if (webhook === undefined) return;
  const body = JSON.stringify({
    ...{ dataset: run.dataset, run: run.runId, number: run.number, workflowId: run.workflowId, status },
    ...{ trigger: run.trigger, logicalDate: run.logicalDate, startedAt: run.startedAt, ...counts, warnings },
    ...(failure === undefined ? {} : { failure }),
  });
  const seconds = Math.floor(nowMs / 1_000);
  const signature = createHmac('sha256', secrets(webhook.secret)).update(`${seconds}.${body}`).digest('hex');
  await postJson(webhook.url, {
    body,
    headers: {
      'penstock-signature': `t=${seconds},v1=${signature}`,
      'penstock-delivery': `${run.runId}/${run.number}`,
    },
    allowPrivate,
    timeoutMs: TIMEOUT_MS,
  });
}
