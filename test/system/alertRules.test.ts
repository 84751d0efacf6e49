import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { debianProgram } from './debian.js';

const run = promisify(execFile);
const path = (relative: string): string => fileURLToPath(new URL(`../../deploy/${relative}`, import.meta.url));
const promtool = await debianProgram('prometheus', 'promtool');
const amtool = await debianProgram('prometheus-alertmanager', 'amtool');

describe.skipIf(promtool === undefined)('alert rules (skipped where apt can not fetch Prometheus)', () => {
  it('are rules that Prometheus takes', async () => {
    const { stdout } = await run(promtool ?? '', ['check', 'rules', path('prometheus/rules/penstock.yml')]);
    expect(stdout).toContain('SUCCESS');
  });

  it('fire when they should and are quiet when they should', async () => {
    const { stdout } = await run(promtool ?? '', ['test', 'rules', path('prometheus/tests/penstock.yml')]);
    expect(stdout).toContain('SUCCESS');
  });
});

describe.skipIf(amtool === undefined)('the configuration of Alertmanager (skipped where apt can not fetch it)', () => {
  const config = path('alertmanager/alertmanager.yml');

  it('is one that it takes', async () => {
    const { stdout } = await run(amtool ?? '', ['check-config', config]);
    expect(stdout).toContain('SUCCESS');
  });

  it.each(['page', 'ticket'])('sends a %s where it belongs', async (severity) => {
    const route = ['config', 'routes', 'test', `--config.file=${config}`];
    const { stdout } = await run(amtool ?? '', [...route, `severity=${severity}`, 'alertname=PenstockSinkStuck']);
    expect(stdout.trim()).toBe(severity);
  });
});
