import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { pino } from 'pino';
import { checkModel, modelFolder, StackError } from '../embedded/index.js';
import { createLogger, type Logger } from '../telemetry/index.js';
import { UsageError } from './verb.js';

/** The folder that `--model` means, checked. Throws UsageError that names the wrong key of its model.yaml. */
export async function modelDirOf(nameOrFolder: string): Promise<string> {
  try {
    return (await checkModel(modelFolder(nameOrFolder))).dir;
  } catch (error) {
    throw error instanceof StackError ? new UsageError(error.message) : error;
  }
}

/** The log of the stack itself, in its data directory, which is made. Throws UsageError when it can't be. */
export function openStackLog(dataDir: string): Logger {
  const logs = join(dataDir, 'logs');
  try {
    mkdirSync(logs, { recursive: true });
    return createLogger('up', 'info', pino.destination({ dest: join(logs, 'up.log'), append: true, sync: true }));
  } catch (error) {
    throw new UsageError(`--data-dir ${dataDir}: ${error instanceof Error ? error.message : String(error)}`);
  }
}
