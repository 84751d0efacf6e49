import { Command } from 'commander';
import { backfillCommand } from './backfill/index.js';
import { auditCommand } from './audit/index.js';
import { breakerCommand } from './breaker/index.js';
import { capacityCommand } from './capacity/index.js';
import { calibrateCommand } from './calibrate/index.js';
import { datasetCommand } from './dataset/index.js';
import { deadCommand } from './dead/index.js';
import { deployCommand } from './deploy/index.js';
import { demoCommand } from './demo/index.js';
import { imageCommand } from './image/index.js';
import { migrateCommand } from './migrate/index.js';
import { modelCommand } from './model/index.js';
import { retryCommand } from './retry/index.js';
import { routingCommand } from './routing/index.js';
import { statusCommand } from './status/index.js';
import { tablesCommand } from './tables/index.js';
import { upCommand } from './up.js';
import { runRole, withMisuseCode } from './verb.js';

/** The program `penstock`: a verb per role and per task. Each verb loads its code when it runs, so `--help` is quick. */
export function program(): Command {
  const penstock = withMisuseCode(new Command('penstock'))
    .description('Durable image detection on Temporal, Kafka and ClickHouse, at a GPU throughput that was measured.')
    .showHelpAfterError();
  const role = (name: string, does: string, load: () => Promise<{ serve: () => Promise<void> }>): void => {
    penstock
      .command(name)
      .description(`role: ${does}`)
      .action(async () => {
        const { serve } = await load();
        await runRole(serve);
      });
  };
  role('intake', 'takes events over HTTP and hands them to Kafka', () => import('../intake/index.js'));
  role('dispatcher', 'forms micro-batches and starts workflows', () => import('../dispatch/index.js'));
  role('orchestrator', 'runs workflows, rollups and housekeeping', () => import('../workers/orchestrator.js'));
  role('detector', 'runs the model', () => import('../workers/detector.js'));
  role('ingester', 'runs the steps of datasets', () => import('../workers/ingester.js'));
  role('sink', 'writes results into ClickHouse', () => import('../sink/index.js'));
  role('console', 'a page for the person on duty', () => import('../console/index.js'));
  penstock.addCommand(upCommand());
  penstock.addCommand(demoCommand());
  penstock.addCommand(calibrateCommand());
  penstock.addCommand(statusCommand());
  penstock.addCommand(breakerCommand());
  penstock.addCommand(capacityCommand());
  penstock.addCommand(backfillCommand());
  penstock.addCommand(retryCommand());
  penstock.addCommand(imageCommand());
  penstock.addCommand(auditCommand());
  penstock.addCommand(deadCommand());
  penstock.addCommand(migrateCommand());
  penstock.addCommand(deployCommand());
  penstock.addCommand(modelCommand());
  penstock.addCommand(routingCommand());
  penstock.addCommand(tablesCommand());
  penstock.addCommand(datasetCommand());
  return penstock;
}
