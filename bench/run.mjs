#!/usr/bin/env node
// npm run bench [-- --only NAME]: measures, prints a table, writes bench/results.json. Every figure is a ratio to a
// baseline of the same run where it has one: machines are noisy, ratios less so.
import { readFile, writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import Table from 'cli-table3';
import { detectEndToEnd } from './detectEndToEnd.mjs';
import { pathNoop } from './pathNoop.mjs';

// Read by ONNX Runtime in the child processes: it reports to its maker unless it is told not to.
process.env['ORT_DISABLE_TELEMETRY'] ??= '1';
const BENCHMARKS = { 'detect.endToEnd': detectEndToEnd, 'path.noop': pathNoop };
const RESULTS = new URL('./results.json', import.meta.url);

const { values } = parseArgs({ options: { only: { type: 'string' }, repeats: { type: 'string' } } });
if (values.only !== undefined && !(values.only in BENCHMARKS)) {
  console.error(`no benchmark ${values.only}; there are: ${Object.keys(BENCHMARKS).join(', ')}`);
  process.exit(2);
}
const repeats = Number(values.repeats ?? 3);
const names = values.only === undefined ? Object.keys(BENCHMARKS) : [values.only];
const results = [];
for (const name of names) {
  console.error(`${name} …`);
  results.push(await BENCHMARKS[name]({ repeats, say: (sentence) => console.error(`  ${sentence}`) }));
}

const before = JSON.parse(await readFile(RESULTS, 'utf8').catch(() => '[]'));
const kept = before.filter(({ name }) => !names.includes(name));
const all = [...kept, ...results].sort((a, b) => a.name.localeCompare(b.name));
await writeFile(RESULTS, `${JSON.stringify(all, undefined, 2)}\n`);

const table = new Table({
  head: ['name', 'value', 'unit', 'baseline', 'ratio', 'repeats', 'note'],
  wordWrap: true,
  colWidths: [18, 9, 12, 10, 8, 9, 60],
});
const shown = (number) => (number === null ? '' : String(Math.round(number * 1000) / 1000));
for (const { name, unit, value, baseline, ratio, repeats: times, note } of results) {
  table.push([name, shown(value), unit, shown(baseline), shown(ratio), times, note]);
}
console.log(table.toString());
process.exit(0);
