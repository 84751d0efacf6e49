// Writes dashboards/*.json from boards.mjs: node deploy/grafana/generate.mjs [--check]
import { readFileSync, writeFileSync } from 'node:fs';
import { BOARDS } from './boards.mjs';

const check = process.argv.includes('--check');
for (const [name, board] of Object.entries(BOARDS)) {
  const file = new URL(`./dashboards/${name}.json`, import.meta.url);
  const content = `${JSON.stringify(board, undefined, 2)}\n`;
  if (readIfThere(file) === content) continue;
  if (check) {
    console.error(`dashboards/${name}.json is out of date: run \`node deploy/grafana/generate.mjs\``);
    process.exitCode = 1;
  } else writeFileSync(file, content);
}

function readIfThere(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
