#!/usr/bin/env node
// npm run bench [-- --only NAME]: measures, prints a table, writes bench/results.json. Every figure is a ratio to a
// baseline of the same run where it has one: machines are noisy, ratios less so.
import { readFile, writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import Table from 'cli-table3';
import { temporalActions } from './actions.mjs';
import { datasetApi } from './datasetApi.mjs';
import { datasetCsv } from './datasetCsv.mjs';
import { datasetMemory } from './datasetMemory.mjs';
import { detectEndToEnd } from './detectEndToEnd.mjs';
import { intakeEvents } from './intake.mjs';
import { latencyIdle } from './latency.mjs';
import { path, tracing } from './path.mjs';
import { sink } from './sink.mjs';
import { sinkFormats } from './sinkFormats.mjs';

// Read by ONNX Runtime in the child processes: it reports to its maker unless it is told not to.
process.env['ORT_DISABLE_TELEMETRY'] ??= '1';
/** What is compared with each other is measured together. */
const BENCHMARKS = [
  { names: ['detect.endToEnd'], measure: detectEndToEnd },
  { names: ['path.noop', 'path.plainKafka', 'path.workflowPerImage'], measure: path },
  { names: ['path.traced'], measure: tracing },
  { names: ['sink.insert', 'sink.kafkaEngine'], measure: sink },
  { names: ['sink.formats'], measure: sinkFormats },
  { names: ['intake.events'], measure: intakeEvents },
  { names: ['temporal.actions'], measure: temporalActions },
  { names: ['latency.idle'], measure: latencyIdle },
  { names: ['dataset.csv'], measure: datasetCsv },
  { names: ['dataset.api'], measure: datasetApi },
  // Some ten minutes, and 10 GB of disk.
  { names: ['dataset.memory'], measure: datasetMemory, isAskedFor: true },
];
const RESULTS = new URL('./results.json', import.meta.url);

const { values } = parseArgs({
  // Rows are of the datasets' benchmarks: fewer, to try them.
  options: { only: { type: 'string' }, repeats: { type: 'string' }, rows: { type: 'string' } },
});
const chosen = BENCHMARKS.filter(({ names, isAskedFor }) =>
  values.only === undefined ? !isAskedFor : names.includes(values.only),
);
if (chosen.length === 0) {
  console.error(`no benchmark ${values.only}; there are: ${BENCHMARKS.flatMap(({ names }) => names).join(', ')}`);
  process.exit(2);
}
const repeats = Number(values.repeats ?? 5);
if (!Number.isInteger(repeats) || repeats < 1 || repeats > 100) {
  console.error(`--repeats ${values.repeats}: a whole number from 1 to 100`);
  process.exit(2);
}
const rows = values.rows === undefined ? undefined : Number(values.rows);
if (rows !== undefined && !(Number.isInteger(rows) && rows >= 10_000)) {
  console.error(`--rows ${values.rows}: a whole number from 10000`);
  process.exit(2);
}
const results = [];
for (const { names, measure } of chosen) {
  console.error(`${names.join(', ')} …`);
  results.push(await measure({ repeats, rows, say: (sentence) => console.error(`  ${sentence}`) }));
}
const measured = results.flat();

const before = JSON.parse(await readFile(RESULTS, 'utf8').catch(() => '[]'));
const kept = before.filter(({ name }) => !measured.some((one) => one.name === name));
const all = [...kept, ...measured].sort((a, b) => a.name.localeCompare(b.name));
await writeFile(RESULTS, `${JSON.stringify(all, undefined, 2)}\n`);

const table = new Table({
  head: ['name', 'value', 'unit', 'baseline', 'ratio', 'repeats', 'note'],
  wordWrap: true,
  colWidths: [24, 9, 12, 10, 8, 9, 60],
});
const shown = (number) => (number === null ? '' : String(Math.round(number * 1000) / 1000));
for (const { name, unit, value, baseline, ratio, repeats: times, note } of measured) {
  table.push([name, shown(value), unit, shown(baseline), shown(ratio), times, note]);
}
console.log(table.toString());
process.exit(0);
