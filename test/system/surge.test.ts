import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, inject, onTestFinished, test } from 'vitest';
import type { SurgeResult } from '../../src/cli/demo/surge/index.js';
import { connectTemporal, readCapacity } from '../../src/client/index.js';
import { pointAtStack, roleEnvironment } from '../../src/embedded/index.js';
import { endpointsNow, eventually } from './pipeline.js';
import { penstock } from './program.js';

const PROGRAM = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
/** Small: beside the stack of the tests another one begins cold while ten times as many events arrive. */
const CAP = 10;
const SECONDS = 15;

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'penstock-surge-test-'));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Runs `penstock demo --surge`; `whenSaid` is called once, when stderr has its text. */
function surge(
  args: string[],
  environment: NodeJS.ProcessEnv = {},
  whenSaid?: { text: string; then: (interrupt: () => void) => void },
): Promise<Ended> {
  const child = spawn(process.execPath, [PROGRAM, 'demo', '--surge', '--report', folder, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, TMPDIR: folder, ...environment },
  });
  // It stops its stack by itself; a test that ran out of time must not leave one behind.
  onTestFinished(() => void child.kill('SIGTERM'));
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
    if (!whenSaid || !stderr.includes(whenSaid.text)) return;
    whenSaid.then(() => child.kill('SIGINT'));
    whenSaid = undefined;
  });
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, stdout, stderr })));
}

test('ten times the cap arrives and is detected at the cap: none lost, none twice, drained as foreseen', async () => {
  const args = ['--surge-seconds', String(SECONDS), '--cap', String(CAP), '--json'];
  const { code, stdout, stderr } = await surge(args);
  const result = JSON.parse(stdout) as SurgeResult;
  const bySecond = result.series.map(({ detections }) => detections).join(' ');
  expect(code, `${stderr}\nDetected second by second: ${bySecond}`).toBe(0);
  const images = 10 * CAP * SECONDS;
  expect(result).toMatchObject({
    ...{ ok: true, failures: [], cap: CAP, images, rows: images, detected: images },
    ...{ dead: {}, lost: 0, twice: 0, strange: 0, stalled: null, report: join(folder, 'index.html') },
  });
  expect(result.arrivals.imagesPerSecond).toBeGreaterThan(9.5 * CAP);
  expect(result.plateau?.imagesPerSecond).toBeGreaterThanOrEqual(0.97 * CAP);
  expect(result.worstWindow.images).toBeLessThanOrEqual(10 * CAP + 8);
  expect(Math.abs(result.drain?.error ?? 1)).toBeLessThan(0.1);
  expect(Math.max(...result.series.map(({ backlog }) => backlog))).toBeGreaterThan(0.8 * images);
  expect(result.series.at(-1)?.backlog).toBe(0);

  const html = await readFile(join(folder, 'index.html'), 'utf8');
  for (const chart of ['Arrivals', 'Detections', 'Backlog', 'Wait'])
    expect(html).toContain(`aria-label="${chart} over time"`);
  expect(html).not.toMatch(/https?:\/\//);
}, 420_000);

test('on a running stack the cap is set for the time of the surge, and put back after Ctrl-C', async () => {
  const endpoints = await endpointsNow();
  pointAtStack(process.env, endpoints);
  const { client, connection } = await connectTemporal();
  const shapes = async () => (await readCapacity(client)).models.find(({ model }) => model === 'shapes');
  try {
    expect(await shapes()).toMatchObject({ cap: null, capFrom: 'configuration' });
    const args = ['--intake', endpoints.intake ?? '', '--surge-seconds', '1', '--cap', '15'];
    let during: unknown;
    const { code, stderr } = await surge(args, roleEnvironment(endpoints), {
      text: 'The surge is over',
      then: (interrupt) =>
        void shapes().then((found) => {
          during = found;
          interrupt();
        }),
    });
    expect(during, stderr).toMatchObject({ cap: 15, capFrom: 'person' });
    expect({ code, stderr }).toMatchObject({ code: 130 });
    expect(await shapes()).toMatchObject({ cap: null, capFrom: 'configuration' });
    await eventually(
      async () => (await penstock('status')).report as { batches: { open: number }; backlog: { records: number }[] },
      ({ batches, backlog }) => batches.open === 0 && backlog.every(({ records }) => records === 0),
      60_000,
    );
  } finally {
    await connection.close();
  }
});

test('what can not be a surge is a sentence and exit code 2, and nothing is started or changed', async () => {
  const refused: [string[], RegExp][] = [
    [['--surge-seconds', '0'], /a whole number from 1 to 3600/],
    [['--cap', 'much'], /a whole number from 1 to 1000/],
    [['--count', '10'], /can.*not be used with/],
    [['--cap', '1000', '--surge-seconds', '60'], /600000 images are too many.*smaller --cap/],
    [['--intake', inject('endpoints').intake ?? ''], /detectors of shapes have no cap: give one with --cap/],
  ];
  for (const [args, sentence] of refused) {
    const { code, stderr } = await surge(args, roleEnvironment(await endpointsNow()));
    expect(code, `${args.join(' ')}: ${stderr}`).toBe(2);
    expect(stderr).toMatch(sentence);
    expect(stderr).not.toMatch(/\n\s+at /);
  }
});
