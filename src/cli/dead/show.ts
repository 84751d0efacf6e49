import { kindOf } from '../../operations/index.js';
import { decisionsOf, wholeLetters } from '../../warehouse/index.js';
import { EXIT, VerbError } from '../verb.js';
import type { DeadFlags } from './index.js';
import { letterText } from './text.js';
import { withWarehouse } from '../withWarehouse.js';

/** Shows a letter whole and returns the exit code. */
export async function show(id: string, flags: DeadFlags): Promise<number> {
  const [[letter], decisions] = await withWarehouse(flags.dataDir, (warehouse) =>
    Promise.all([wholeLetters(warehouse, { ids: [id] }, { limit: 1 }), decisionsOf(warehouse, id)]),
  );
  if (letter === undefined) throw new VerbError(`There is no dead letter ${id}`);
  const report = { letter: { kind: kindOf(letter.source), ...letter }, decisions };
  process.stdout.write(flags.json ? `${JSON.stringify(report, undefined, 2)}\n` : letterText(report));
  return EXIT.ok;
}
