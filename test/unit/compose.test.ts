import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { z } from 'zod';
import { describe, expect, it } from 'vitest';
import { program } from '../../src/cli/program.js';
import { loadConfig } from '../../src/config/index.js';
import { createAccess } from '../../src/console/access.js';
import { createSenderCheck } from '../../src/intake/sender.js';

/** The files that deploy Penstock, held against the program: none of them runs in the other tests. */

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

const serviceSchema = z.object({
  image: z.string(),
  build: z.looseObject({ target: z.string() }).optional(),
  command: z.array(z.string()).default([]),
  entrypoint: z.array(z.string()).optional(),
  environment: z.record(z.string(), z.string()).default({}),
  depends_on: z.record(z.string(), z.object({ condition: z.string() })).default({}),
  ports: z.array(z.string()).default([]),
  volumes: z.array(z.string()).default([]),
  configs: z.array(z.object({ source: z.string() })).default([]),
  profiles: z.array(z.string()).default([]),
  healthcheck: z.object({ test: z.array(z.string()) }).optional(),
  restart: z.string().optional(),
  stop_grace_period: z.string().optional(),
  deploy: z.object({ resources: z.object({ limits: z.object({ memory: z.string() }) }) }).optional(),
  init: z.boolean().optional(),
  read_only: z.boolean().optional(),
});
const composeSchema = z.object({
  services: z.record(z.string(), serviceSchema),
  volumes: z.record(z.string(), z.null()),
  configs: z.record(z.string(), z.object({ content: z.string() })),
});

const compose = composeSchema.parse(parse(read('docker-compose.yml'), { merge: true }));
const services = Object.entries(compose.services);
/** What runs until it is stopped; the others end by themselves. */
const standing = services.filter(([, { restart }]) => restart === 'unless-stopped');
const once = services.filter(([, { restart }]) => restart === undefined);
/** Services whose command is a verb of the program. */
const ofProgram = services.filter(([, { image, entrypoint }]) => image.startsWith('penstock:') && !entrypoint);
const ROLES = ['intake', 'console', 'dispatcher', 'orchestrator', 'detector', 'ingester', 'sink'];

/** As compose does it: `${NAME:-default}` without a .env file. */
const environmentOf = (name: string): Record<string, string> =>
  Object.fromEntries(
    Object.entries(compose.services[name]?.environment ?? {}).map(([variable, value]) => [
      variable,
      value.replaceAll(/\$\{[A-Z_]+:-([^}]*)\}/g, '$1'),
    ]),
  );

describe('docker-compose.yml', () => {
  it('runs every role', () => {
    expect(standing.map(([name]) => name)).toEqual(expect.arrayContaining(ROLES));
  });

  it.each(ofProgram)('%s is a verb of the program with options that it has', (_name, { command: [verb, ...rest] }) => {
    const found = program().commands.find((one) => one.name() === verb);
    expect(found?.name()).toBe(verb);
    const known = found?.options.map(({ long }) => long);
    for (const option of rest.filter((word) => word.startsWith('--'))) expect(known).toContain(option);
  });

  it.each(ofProgram)('%s has a configuration that the program takes', (name) => {
    const config = loadConfig(environmentOf(name));
    const { PENSTOCK_KAFKA_BROKERS, PENSTOCK_GCS_ENDPOINT, PENSTOCK_CLICKHOUSE_URL } = config;
    const addresses = [...PENSTOCK_KAFKA_BROKERS.map((broker) => `kafka://${broker}`), PENSTOCK_CLICKHOUSE_URL];
    addresses.push(PENSTOCK_GCS_ENDPOINT ?? '', `temporal://${environmentOf(name)['TEMPORAL_ADDRESS'] ?? ''}`);
    for (const address of addresses) expect(Object.keys(compose.services)).toContain(new URL(address).hostname);
  });

  it('gives intake credentials, so that it may listen beyond loopback, and the demo the same', () => {
    const config = loadConfig(environmentOf('intake'));
    expect(config.PENSTOCK_HTTP_HOST).toBe('0.0.0.0');
    expect(createSenderCheck(config)).toBeDefined();
    expect(loadConfig(environmentOf('demo')).PENSTOCK_INTAKE_BEARER_TOKENS).toEqual(
      config.PENSTOCK_INTAKE_BEARER_TOKENS,
    );
  });

  it('gives the console a log-in, so that it may listen beyond loopback', () => {
    const config = loadConfig(environmentOf('console'));
    expect(config.PENSTOCK_HTTP_HOST).toBe('0.0.0.0');
    expect(createAccess(config).login).toBe('token');
  });

  it.each(ROLES)('%s has the time to drain, a bounded heap below its memory, an init and a read-only root', (name) => {
    const { stop_grace_period: grace = '', deploy, init, read_only: readOnly } = compose.services[name] ?? {};
    const { NODE_OPTIONS = '', PENSTOCK_SHUTDOWN_MS = '' } = environmentOf(name);
    expect(Number.parseInt(grace) * 1000).toBeGreaterThan(Number(PENSTOCK_SHUTDOWN_MS));
    const heapMb = Number(/--max-old-space-size=(\d+)/.exec(NODE_OPTIONS)?.[1]);
    expect(heapMb * 1024 * 1024 * 2).toBeLessThanOrEqual(bytes(deploy?.resources.limits.memory));
    expect([init, readOnly]).toEqual([true, true]);
  });

  it.each(services)('%s has an image that is pinned, and built here where it is ours', (_name, { image }) => {
    const [, tag = ''] = /:([^:/]+)$/.exec(image) ?? [];
    if (image.startsWith('penstock:')) expect(services.some(([, one]) => one.image === image && one.build)).toBe(true);
    else expect(tag).toMatch(/^\d+\.\d+/);
  });

  it.each(standing)('%s says whether it is healthy, and has a limit of memory', (_name, { healthcheck, deploy }) => {
    expect(healthcheck?.test[0]).toBe('CMD');
    expect(bytes(deploy?.resources.limits.memory)).toBeGreaterThan(0);
  });

  it.each(ROLES)('%s is healthy when it is ready', (name) => {
    const port = environmentOf(name)['PENSTOCK_HTTP_PORT'] ?? '';
    expect(compose.services[name]?.healthcheck?.test.at(-1)).toContain(`127.0.0.1:${port}/readyz`);
  });

  // `up --wait` takes the end of a container for a failure, unless somebody waits for it to complete.
  it.each(once.filter(([, { profiles }]) => profiles.length === 0))('%s ends, and somebody waits for that', (name) => {
    const conditions = services.flatMap(([, { depends_on: needs }]) => needs[name]?.condition ?? []);
    expect(new Set(conditions)).toEqual(new Set(['service_completed_successfully']));
  });

  it.each(services)('%s depends on services that are there, in a way that they can fulfil', (_name, service) => {
    for (const [name, { condition }] of Object.entries(service.depends_on)) {
      const needed = compose.services[name];
      expect(needed, name).toBeDefined();
      if (condition === 'service_healthy') expect(needed?.healthcheck, name).toBeDefined();
      else expect([condition, needed?.restart]).toEqual(['service_completed_successfully', undefined]);
    }
  });

  it.each(services)('%s publishes its ports on loopback alone', (_name, { ports }) => {
    for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:\d+:\d+$/);
  });

  it('publishes no port of a service that is scaled, and no port twice', () => {
    expect(compose.services['detector']?.ports).toEqual([]);
    const published = services.flatMap(([, { ports }]) => ports.map((port) => port.split(':')[1]));
    expect(new Set(published).size).toBe(published.length);
  });

  it('declares every volume and every config', () => {
    const used = services.flatMap(([, { volumes }]) => volumes.map((volume) => volume.split(':')[0]));
    expect(used.sort()).toEqual(Object.keys(compose.volumes).sort());
    const configs = services.flatMap(([, service]) => service.configs.map(({ source }) => source));
    expect(configs).toEqual(Object.keys(compose.configs));
  });

  it('makes the search attributes that the README asks for', () => {
    const attributes = (text: string): string[] =>
      [...text.matchAll(/--name (Penstock\w+) --type (\w+)/g)].map(([, name = '', type = '']) => `${name} ${type}`);
    const made = attributes(compose.services['namespace']?.command.join('\n') ?? '');
    expect(made.length).toBeGreaterThan(0);
    expect(made).toEqual(attributes(read('README.md')));
  });

  it('uses the variables of .env.example, and no others', () => {
    const names = (text: string, pattern: RegExp): string[] =>
      [...new Set([...text.matchAll(pattern)].map(([, name = '']) => name))].sort();
    expect(names(read('.env.example'), /^([A-Z_]+)=/gm)).toEqual(names(read('docker-compose.yml'), /\$\{([A-Z_]+)/g));
  });
});

function bytes(text = ''): number {
  const [, amount = '', unit = ''] = /^(\d+)([MG])$/.exec(text) ?? [];
  return Number(amount) * (unit === 'G' ? 1024 ** 3 : 1024 ** 2);
}

describe('docker-compose.observability.yml', () => {
  const further = z
    .object({
      services: z.record(z.string(), serviceSchema.partial({ image: true })),
      volumes: z.record(z.string(), z.null()),
      configs: z.record(z.string(), z.object({ content: z.string() })),
    })
    .parse(parse(read('docker-compose.observability.yml')));
  const added = Object.entries(further.services).filter(([name]) => !(name in compose.services));

  it('adds services that are pinned, healthy or not, bounded, and on loopback alone', () => {
    expect(added.map(([name]) => name)).toEqual(['prometheus', 'alertmanager', 'grafana', 'vector']);
    for (const [name, { image = '', ports = [], healthcheck, deploy }] of added) {
      expect(image, name).toMatch(/:v?\d+\.\d+\.\d+(-[a-z]+)?$/);
      for (const port of ports) expect(port, name).toMatch(/^127\.0\.0\.1:\d+:\d+$/);
      expect(healthcheck?.test[0], name).toBe('CMD');
      expect(bytes(deploy?.resources.limits.memory), name).toBeGreaterThan(0);
    }
  });

  it('mounts files that are there, and volumes and configs that are declared', () => {
    const mounts = Object.values(further.services).flatMap(({ volumes = [] }) =>
      volumes.map((one) => one.split(':')[0]),
    );
    for (const mount of mounts.filter((one) => one?.startsWith('./')))
      expect(existsSync(join(ROOT, mount ?? '')), mount).toBe(true);
    expect(mounts.filter((one) => !/^[./]/.test(one ?? '')).sort()).toEqual(Object.keys(further.volumes).sort());
    const configs = Object.values(further.services).flatMap(({ configs: of = [] }) => of.map(({ source }) => source));
    expect(configs).toEqual(Object.keys(further.configs));
  });

  it('scrapes services that are there', () => {
    const { scrape_configs: jobs } = z
      .object({
        scrape_configs: z.array(
          z.object({
            dns_sd_configs: z.array(z.object({ names: z.array(z.string()) })).default([]),
            static_configs: z.array(z.object({ targets: z.array(z.string()) })).default([]),
            job_name: z.string(),
          }),
        ),
      })
      .parse(parse(read('deploy/prometheus/prometheus.yml')));
    const hosts = jobs
      // Machines with a GPU have that exporter; compose has none.
      .filter(({ job_name: job }) => job !== 'dcgm')
      .flatMap(({ dns_sd_configs: dns, static_configs: fixed }) => [
        ...dns.flatMap(({ names }) => names),
        ...fixed.flatMap(({ targets }) => targets.map((target) => target.split(':')[0] ?? '')),
      ]);
    expect(hosts).toEqual(expect.arrayContaining(ROLES));
    for (const host of hosts) expect(Object.keys({ ...compose.services, ...further.services })).toContain(host);
  });
});

describe('docker-compose.gpu.yml', () => {
  it('changes services that are there, to a variant that the Dockerfile has', () => {
    const override = z
      .object({
        services: z.record(
          z.string(),
          z.object({
            build: z.object({ args: z.object({ VARIANT: z.string() }) }),
            environment: z.record(z.string(), z.string()),
          }),
        ),
      })
      .parse(parse(read('docker-compose.gpu.yml')));
    for (const [name, { build, environment }] of Object.entries(override.services)) {
      expect(Object.keys(compose.services)).toContain(name);
      expect(stages).toContain(build.args.VARIANT);
      expect(() => loadConfig({ ...environmentOf(name), ...environment })).not.toThrow();
    }
  });
});

const dockerfile = read('Dockerfile').replaceAll('\\\n', ' ');
const instructions = [...dockerfile.matchAll(/^([A-Z]+) +(.*)$/gm)].map(([, name = '', rest = '']) => ({ name, rest }));
const stages = instructions.flatMap(({ name, rest }) =>
  name === 'FROM' ? [/ AS ([a-z-]+)$/.exec(rest)?.[1] ?? ''] : [],
);

describe('Dockerfile', () => {
  it('ends as a user who is a number and not root', () => {
    const user = instructions.filter(({ name }) => name === 'USER').at(-1);
    expect(user?.rest).toMatch(/^[1-9]\d*:[1-9]\d*$/);
  });

  it('has every target that compose names', () => {
    for (const [, { build }] of services) if (build) expect(stages).toContain(build.target);
  });

  it('copies what is there, and what .dockerignore lets in', () => {
    const admitted = read('.dockerignore')
      .split('\n')
      .flatMap((line) => /^!(.+)$/.exec(line)?.[1] ?? []);
    const sources = instructions
      .filter(({ name, rest }) => name === 'COPY' && !rest.includes('--from='))
      .flatMap(({ rest }) => rest.split(/ +/).slice(0, -1));
    expect(sources.length).toBeGreaterThan(5);
    for (const source of sources) {
      expect(existsSync(join(ROOT, source)), source).toBe(true);
      expect(
        admitted.some((path) => source === path || source.startsWith(`${path}/`)),
        source,
      ).toBe(true);
    }
    expect(admitted.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
  });

  it('brings along all that the package does', () => {
    const { files = [] } = JSON.parse(read('package.json')) as { files?: string[] };
    const copied = instructions.filter(({ name }) => name === 'COPY').map(({ rest }) => rest);
    for (const path of files)
      expect(
        copied.some((rest) => rest.includes(path)),
        path,
      ).toBe(true);
  });

  it('pins the images that it begins with', () => {
    const bases = instructions.flatMap(({ name, rest }) => (name === 'ARG' && rest.includes('_IMAGE=') ? [rest] : []));
    expect(bases).toHaveLength(2);
    for (const base of bases) expect(base).toMatch(/:\d+\.\d+\.\d+-/);
  });
});

describe('.github/workflows/ci.yml', () => {
  const text = read('.github/workflows/ci.yml');
  const workflow = z
    .looseObject({
      permissions: z.record(z.string(), z.string()),
      jobs: z.record(
        z.string(),
        z.looseObject({
          'timeout-minutes': z.number(),
          steps: z.array(z.looseObject({ uses: z.string().optional(), run: z.string().optional() })),
        }),
      ),
    })
    .parse(parse(text));
  const steps = Object.values(workflow.jobs).flatMap((job) => job.steps);

  it('may only read, and pins every action', () => {
    expect(workflow.permissions).toEqual({ contents: 'read' });
    for (const { uses } of steps) if (uses !== undefined) expect(uses).toMatch(/^(?:actions|hashicorp)\/[a-z-]+@v\d+$/);
  });

  it('runs npm scripts, services and variants that are there', () => {
    const { scripts = {} } = JSON.parse(read('package.json')) as { scripts?: Record<string, string> };
    const runs = steps.flatMap(({ run }) => run ?? []).join('\n');
    for (const [, run, short] of runs.matchAll(/\bnpm (?:run ([a-z:]+)|(test)\b)/g))
      expect(Object.keys(scripts)).toContain(run ?? short);
    for (const [, service = ''] of runs.matchAll(/docker compose run --rm ([a-z-]+)/g))
      expect(Object.keys(compose.services)).toContain(service);
    for (const [, variant = ''] of runs.matchAll(/--target ([a-z-]+)/g)) expect(stages).toContain(variant);
  });
});
