import { writeFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { reportOf } from '../chaos/report.js';
import { runChaos } from '../chaos/run.js';

/** The same seed breaks the same things in the same order. */
const SEED = process.env['CHAOS_SEED'] ?? '1';
const SECONDS = Number(process.env['CHAOS_SECONDS'] ?? 60);
const IMAGES_PER_SECOND = 12;
const REPORT = process.env['CHAOS_REPORT'];

it(
  'whatever breaks, tables and rollups equal what the inputs say',
  { timeout: SECONDS * 1_000 + 600_000 },
  async () => {
    console.log(`CHAOS_SEED=${SEED}`);
    const size = { seconds: SECONDS, images: SECONDS * IMAGES_PER_SECOND };
    const result = await runChaos(SEED, size);
    if (REPORT) await writeFile(REPORT, reportOf(SEED, size, result));
    console.log(result.made.map(({ atS, fault }) => `${atS} s: ${fault}`).join('\n'));
    expect(result.found).toEqual(result.expected);
  },
);
