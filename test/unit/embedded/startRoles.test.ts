import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { startReaper } from '../../../src/embedded/reaper.js';
import { startAllReady } from '../../../src/embedded/startRoles.js';
import { Supervised } from '../../../src/embedded/supervised.js';
import { eventually, temporaryFolder } from './rig.js';

/** A role that listens, counts its starts in the file `starts`, answers /readyz with `status`, and then does `more`. */
const role = (status: number, more = ''): string => `
  require('node:fs').appendFileSync('starts', 'x');
  const server = require('node:http').createServer((_, response) => response.writeHead(${status}).end('waits'));
  server.listen(0, '127.0.0.1', () => process.send({ kind: 'listening', port: server.address().port }));
  process.once('disconnect', () => process.exit());
  ${more}`;

async function supervise(
  name: string,
  script: string,
): Promise<{ role: Supervised; said: string[]; starts: () => number }> {
  const folder = await temporaryFolder();
  const reaper = startReaper(() => undefined);
  const said: string[] = [];
  const supervised = new Supervised(
    {
      name,
      command: process.execPath,
      args: ['-e', script],
      environment: process.env,
      cwd: folder,
      logPath: join(folder, `${name}.log`),
      ready: 'listening',
      readyTimeoutMs: 10_000,
      stopTimeoutMs: 1000,
    },
    reaper,
    { changed: () => undefined, died: (how) => said.push(`died ${how}`), back: () => said.push('back') },
  );
  onTestFinished(async () => {
    await supervised.stop();
    reaper.close();
  });
  return { role: supervised, said, starts: () => readFileSync(join(folder, 'starts'), 'utf8').length };
}

test('a role that dies before it was ever ready ends the start with its name and last words, and is not tried again', async () => {
  const dying = "setTimeout(() => { console.error('no such model'); process.exit(1); }, 300)";
  const detector = await supervise('detector', role(503, dying));
  const waiting = await supervise('sink', role(503));
  await expect(startAllReady([waiting.role, detector.role])).rejects.toThrow(
    /^detector ended before it was ready \(exit code 1\).*no such model/s,
  );
  await new Promise((resolve) => setTimeout(resolve, 600));
  expect({ starts: detector.starts(), said: detector.said }).toEqual({ starts: 1, said: [] });
});

test('a role that dies after it was ready comes again', async () => {
  const { role: sink, said, starts } = await supervise('sink', role(200));
  await startAllReady([sink]);
  for (let deaths = 1; deaths <= 2; deaths += 1) {
    sink.kill();
    await eventually('it is back', () => said.length === 2 * deaths);
  }
  expect(said).toEqual(['died SIGKILL', 'back', 'died SIGKILL', 'back']);
  expect(starts()).toBe(3);
});
