import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { eventually } from './pipeline.js';

/** A value of a series, as Prometheus answers it. */
export interface Sample {
  metric: Record<string, string>;
  value: number;
}

/** What a series was over time. */
export interface Series {
  metric: Record<string, string>;
  /** Second since the epoch, and value. */
  points: [at: number, value: number][];
}

/** An alert that fires. */
export interface Alert {
  name: string;
  annotations: Record<string, string>;
}

export interface Prometheus {
  /** http://host:port */
  address: string;
  /** An instant query. Throws with Prometheus' message where it refuses the expression. */
  query: (expr: string) => Promise<Sample[]>;
  /** What an expression was in each of the last `seconds`. */
  range: (expr: string, seconds: number) => Promise<Series[]>;
  firing: () => Promise<Alert[]>;
  stop: () => Promise<void>;
}

/** Starts a real Prometheus that scrapes the addresses (of `/metrics`) by role, every second. */
export async function startPrometheus(
  program: string,
  targets: Readonly<Record<string, string>>,
  { rules = [] }: { rules?: readonly string[] } = {},
): Promise<Prometheus> {
  const folder = await mkdtemp(join(tmpdir(), 'penstock-prometheus-'));
  const config = {
    global: { scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '1s' },
    rule_files: rules,
    scrape_configs: [
      {
        job_name: 'penstock',
        static_configs: [{ targets: Object.values(targets).map((url) => new URL(url).host) }],
      },
    ],
  };
  await writeFile(join(folder, 'prometheus.yml'), stringify(config));
  const port = await freePort();
  const child = spawn(
    program,
    [
      `--config.file=${join(folder, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--log.level=error',
    ],
    { stdio: ['ignore', 'ignore', 'inherit'] },
  );
  const address = `http://127.0.0.1:${port}`;
  const stop = async (): Promise<void> => {
    await ended(child);
    await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  };
  try {
    await eventually(
      () =>
        fetch(`${address}/-/ready`).then(
          ({ ok }) => ok,
          () => false,
        ),
      (isReady) => isReady,
      30_000,
    );
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    address,
    query: async (expr) => {
      const url = `${address}/api/v1/query?${new URLSearchParams({ query: expr }).toString()}`;
      const answer = (await (await fetch(url)).json()) as {
        status: string;
        error?: string;
        data: { resultType: string; result: { metric: Record<string, string>; value: [number, string] }[] };
      };
      if (answer.status !== 'success') throw new Error(`${expr}: ${answer.error ?? answer.status}`);
      return answer.data.result.map(({ metric, value: [, value] }) => ({ metric, value: Number(value) }));
    },
    range: async (expr, seconds) => {
      const end = Date.now() / 1000;
      const about = { query: expr, start: String(end - seconds), end: String(end), step: '1' };
      const answer = (await (
        await fetch(`${address}/api/v1/query_range?${new URLSearchParams(about).toString()}`)
      ).json()) as {
        data: { result: { metric: Record<string, string>; values: [number, string][] }[] };
      };
      return answer.data.result.map(({ metric, values }) => ({
        metric,
        points: values.map(([at, text]) => [at, Number(text)]),
      }));
    },
    firing: async () => {
      const answer = (await (await fetch(`${address}/api/v1/alerts`)).json()) as {
        data: { alerts: { state: string; labels: { alertname: string }; annotations: Record<string, string> }[] };
      };
      return answer.data.alerts
        .filter(({ state }) => state === 'firing')
        .map(({ labels, annotations }) => ({ name: labels.alertname, annotations }));
    },
    stop,
  };
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill('SIGTERM');
  await exit;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
