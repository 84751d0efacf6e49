import { connectTemporal, decideBreaker, readBreakers } from '../../client/index.js';
import { describeBreaker, MODEL_NAME, type OpenBreaker } from '../../domain/index.js';
import { reasonOf } from '../../telemetry/index.js';
import { findStack } from '../findStack.js';
import { EXIT, UsageError, VerbError } from '../verb.js';
import type { BreakerFlags, DecisionFlags } from './index.js';

/** Shows the open breakers and returns the exit code. */
export async function listBreakers(flags: BreakerFlags): Promise<number> {
  const open = await withTemporal(flags, async ({ client }) => (await readBreakers(client)).open);
  show(open, flags);
  return open.length === 0 ? EXIT.ok : EXIT.failed;
}

/** Opens or closes the breaker of a source by hand, and shows those that are open then. */
export async function decide(url: string, open: boolean, flags: DecisionFlags): Promise<number> {
  const bucket = /^gs:\/\/([^/]{1,222})\/?$/.exec(url)?.[1];
  if (bucket === undefined) throw new UsageError(`'${url}' is not gs://bucket`);
  if (!MODEL_NAME.test(flags.model))
    throw new UsageError(`--model '${flags.model}': a name of a model: a-z, 0-9, dot, dash, underscore`);
  const left = await withTemporal(flags, async ({ client }) => {
    await decideBreaker(client, { bucket, model: flags.model, open, why: flags.why });
    return (await readBreakers(client)).open;
  });
  show(left, flags);
  return EXIT.ok;
}

function show(open: readonly OpenBreaker[], { json }: BreakerFlags): void {
  const text =
    open.length === 0 ? 'No breaker is open: every source is dispatched.' : open.map(describeBreaker).join('\n');
  process.stdout.write(json ? `${JSON.stringify({ open }, undefined, 2)}\n` : `${text}\n`);
}

async function withTemporal<T>(
  { dataDir }: BreakerFlags,
  work: (temporal: Awaited<ReturnType<typeof connectTemporal>>) => Promise<T>,
): Promise<T> {
  await findStack(dataDir);
  const away = (error: unknown): never => {
    throw new VerbError(`Temporal: ${reasonOf(error)}`);
  };
  const temporal = await connectTemporal().catch(away);
  try {
    return await work(temporal).catch(away);
  } finally {
    await temporal.connection.close();
  }
}
