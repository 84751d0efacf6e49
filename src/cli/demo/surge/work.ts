import { checkModel } from '../../../embedded/index.js';
import { reasonOf } from '../../../telemetry/index.js';
import { EXIT, UsageError } from '../../verb.js';
import { say } from '../say.js';
import type { Work } from '../work.js';
import { holdCap, type HeldCap } from './cap.js';
import { DEFAULT_CAP, DEFAULT_SECONDS, MOST_IMAGES, planSentence, surgePlan, type SurgePlan } from './plan.js';
import { runSurge, type SurgeOptions } from './run.js';
import { surgeTable, type SurgeResult } from './result.js';
import { surgeTextChart } from './textChart.js';

/** What of the flags of the demo a surge goes by. */
export interface SurgeFlags {
  intake?: string;
  surgeSeconds?: number;
  cap?: number;
  json?: boolean;
}

/** The stack of the demo has the cap from its start; on one that runs it is set, and put back at the end. */
export function surgeWork(flags: SurgeFlags): Work {
  const seconds = flags.surgeSeconds ?? DEFAULT_SECONDS;
  const own = flags.intake === undefined;
  const cap = flags.cap ?? DEFAULT_CAP;
  if (own) say(planSentence(checkedPlan(cap, seconds)));
  else if (flags.cap !== undefined) checkedPlan(cap, seconds);
  return {
    environment: own ? { PENSTOCK_CAP_IMAGES_PER_SECOND: String(cap) } : {},
    run: async (target, { reportDir, signal }) => {
      const model =
        own && target.modelDir !== undefined
          ? (await checkModel(target.modelDir)).name
          : target.config.PENSTOCK_DEFAULT_MODEL;
      // A data directory that was used before may hold the cap that somebody has set.
      const held = await holdCap(target.config, model, own ? cap : flags.cap);
      let isRestored = true;
      let code: number = EXIT.failed;
      try {
        code = await surge({ held, seconds, flags }, { target, reportDir, signal });
      } finally {
        isRestored = await restored(held);
      }
      return isRestored ? code : EXIT.failed;
    },
  };
}

async function surge(
  { held: { cap, detectors }, seconds, flags }: { held: HeldCap; seconds: number; flags: SurgeFlags },
  context: Pick<SurgeOptions, 'target' | 'reportDir' | 'signal'>,
): Promise<number> {
  const plan = checkedPlan(cap, seconds);
  if (flags.intake !== undefined) say(planSentence(plan));
  const result = await runSurge({ ...context, plan, detectors, say, ...(flags.json ? {} : { out: process.stdout }) });
  print(result, plan, flags);
  return result.ok ? EXIT.ok : EXIT.failed;
}

/** False where the cap stays as the surge had it; that is said also after Ctrl-C. */
async function restored(held: HeldCap): Promise<boolean> {
  try {
    await held.restore();
    return true;
  } catch (error) {
    say(`${reasonOf(error)}. Put back what was there before with \`penstock capacity set\`.`);
    return false;
  }
}

function checkedPlan(cap: number, seconds: number): SurgePlan {
  const plan = surgePlan(cap, seconds);
  if (plan.images > MOST_IMAGES)
    throw new UsageError(
      `${plan.images} images are too many for a demo, at most ${MOST_IMAGES}: give a smaller --cap or --surge-seconds.`,
    );
  return plan;
}

function print(result: SurgeResult, plan: SurgePlan, { json }: SurgeFlags): void {
  if (json) process.stdout.write(`${JSON.stringify(result, undefined, 2)}\n`);
  else {
    const chart = surgeTextChart(result.series, plan.cap);
    process.stdout.write(`\n${chart}\n\n${surgeTable(result)}\nreport: ${result.report ?? 'none'}\n`);
  }
  for (const failure of result.failures) say(failure);
}
