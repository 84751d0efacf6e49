import { readdir, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { loadConfig } from '../config/index.js';
import { checkRouting } from '../routing/index.js';
import { openTables } from '../tables/index.js';
import type { Logger } from '../telemetry/index.js';
import { cacheDir } from './cache.js';
import { claimDataDir } from './dataDir.js';
import { DEFAULT_BUCKET, endpointsPath, type Endpoints } from './endpoints.js';
import { inheritedEnvironment } from './environment.js';
import { messageOf, StackError } from './errors.js';
import { boundLog, writeFileAtomic } from './files.js';
import type { FileLock } from './lock.js';
import { checkModel, type NamedModel } from './model.js';
import { HOST, openPorts, type Ports } from './ports.js';
import { startReaper, type Reaper } from './reaper.js';
import { DEFAULT_ROLES, roleName, roleProcess, STOP_ORDER, type RoleSpec } from './roles.js';
import { ensureBucket } from './servers/gcs.js';
import { prepareServers, roleSettings, startAllReady } from './startRoles.js';
import { startServers, type ServerAddresses } from './servers/index.js';
import { Supervised, type ProcessSpec } from './supervised.js';

export interface StackOptions {
  /** Folder that keeps everything: the same folder brings everything back. Made when missing. */
  dataDir: string;
  /** Listeners have the fixed ports P + offset. Default: those of the last run, else free ones. */
  portBase?: number;
  /** Folder with model.yaml. Default: the model that comes with Penstock. */
  modelDir?: string;
  /** Further variables of every role. */
  environment?: Record<string, string>;
  /** Default: one process of each role. An empty list starts servers only: no topics and no tables are made. */
  roles?: readonly RoleSpec[];
  log: Logger;
  /** Called with a sentence when something dies, comes back or takes long. */
  say?: (sentence: string) => void;
  /** Gives up and stops what was started. */
  signal?: AbortSignal;
}

/** A running stack. */
export interface Stack {
  endpoints(): Endpoints;
  /** Stops roles, then servers. Bounded. Calling it again waits for the same stop. */
  stop(): Promise<void>;
  /** Stops one role or server and starts it again. */
  restart(name: string): Promise<void>;
  /** Stops one role or server and leaves it down until `bringBack`. */
  takeDown(name: string): Promise<void>;
  bringBack(name: string): Promise<void>;
}

const LOG_CHECK_MS = 5_000;

/**
 * Starts every server and role on this machine. Throws `StackError` with a sentence when it can't: a missing program,
 * a port in use, a data directory that another stack holds, a wrong model, a part that does not become ready. Throws
 * `ConfigError` for a wrong variable. What can be known beforehand is refused before anything starts.
 */
export async function startStack(options: StackOptions): Promise<Stack> {
  const dataDir = resolve(options.dataDir);
  const config = loadConfig({ ...inheritedEnvironment(), ...options.environment });
  await checkRouting(config);
  await openTables(config);
  const model = options.modelDir === undefined ? undefined : await checkModel(options.modelDir);
  const lock = await claimDataDir(dataDir);
  const stack = new RunningStack({ ...options, dataDir, model }, lock);
  try {
    await Promise.race([stack.start(), aborted(options.signal)]);
    return stack;
  } catch (error) {
    await stack.stop();
    throw error;
  }
}

/** Rejects when the signal aborts. */
function aborted(signal?: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal?.addEventListener('abort', () => reject(errorOf(signal.reason)), { once: true });
  });
}

function errorOf(reason: unknown): Error {
  return reason instanceof Error ? reason : new StackError(messageOf(reason));
}

/** Options that were checked. */
interface CheckedOptions extends StackOptions {
  model: NamedModel | undefined;
}

class RunningStack implements Stack {
  private readonly reaper: Reaper;
  private readonly servers = new Map<string, Supervised>();
  private readonly roles = new Map<string, { spec: RoleSpec; process: Supervised }>();
  private readonly log: Logger;
  private addresses: ServerAddresses | undefined;
  private isReady = false;
  private writing: Promise<void> = Promise.resolve();
  private stopping: Promise<void> | undefined;
  private readonly logTimer: NodeJS.Timeout;

  constructor(
    private readonly options: CheckedOptions,
    private readonly lock: FileLock,
  ) {
    this.log = options.log;
    this.reaper = startReaper((pid) => void lock.setReaper(pid).catch(() => undefined));
    this.logTimer = setInterval(() => void this.boundLogs(), LOG_CHECK_MS);
  }

  async start(): Promise<void> {
    const { dataDir, portBase, signal, environment } = this.options;
    const roles = this.options.roles ?? DEFAULT_ROLES;
    await rm(endpointsPath(dataDir), { force: true });
    const reaperPid = this.reaper.pid();
    if (reaperPid !== undefined) await this.lock.setReaper(reaperPid);
    const ports = await openPorts(dataDir, portBase);
    this.addresses = await startServers(
      { dataDir, cache: cacheDir(process.env), environment: { ...process.env, ...environment }, ports, log: this.log },
      (spec) => this.supervise(spec, this.servers),
    );
    signal?.throwIfAborted();
    await ensureBucket(this.addresses.gcs, DEFAULT_BUCKET);
    if (roles.length > 0) await this.startRoles(roles, ports);
    signal?.throwIfAborted();
    await ports.save();
    this.isReady = true;
    await this.writeEndpoints();
  }

  endpoints(): Endpoints {
    const { addresses } = this;
    if (!addresses) throw new Error('no server has been started');
    const pids: Record<string, number> = {};
    const metrics: Record<string, string> = {};
    for (const { name, pid } of this.everything()) if (pid !== undefined) pids[name] = pid;
    for (const [name, { process }] of this.roles)
      if (process.port !== undefined) metrics[name] = `http://${HOST}:${process.port}/metrics`;
    const listening = (role: string): Record<string, string> => {
      const port = this.roles.get(role)?.process.port;
      return port === undefined ? {} : { [role]: `http://${HOST}:${port}` };
    };
    return {
      ...listening('intake'),
      ...listening('console'),
      ...addresses,
      bucket: DEFAULT_BUCKET,
      metrics,
      pids,
      supervisor: process.pid,
    };
  }

  stop(): Promise<void> {
    this.stopping ??= this.stopAll();
    return this.stopping;
  }

  async restart(name: string): Promise<void> {
    await this.find(name).restart();
  }

  async takeDown(name: string): Promise<void> {
    await this.find(name).stop();
  }

  async bringBack(name: string): Promise<void> {
    await this.find(name).start();
  }

  private find(name: string): Supervised {
    const found = this.roles.get(name)?.process ?? this.servers.get(name);
    if (!found) throw new StackError(`No role and no server of this stack is called ${name}.`);
    return found;
  }

  private everything(): Supervised[] {
    return [...this.servers.values(), ...[...this.roles.values()].map(({ process }) => process)];
  }

  private supervise(spec: ProcessSpec, into: Map<string, Supervised>): Supervised {
    const supervised = this.watch(spec);
    into.set(spec.name, supervised);
    return supervised;
  }

  private watch(spec: ProcessSpec): Supervised {
    const { name } = spec;
    if (this.stopping) throw new StackError(`${name} is not started: the stack is stopping.`);
    return new Supervised(spec, this.reaper, {
      changed: () => void this.writeEndpoints(),
      died: (how, waitMs) => {
        this.log.warn({ name, how, waitMs }, 'died, starting it again');
        this.options.say?.(`${name} died (${how}); it starts again in ${waitMs / 1000} s`);
      },
      back: () => {
        this.log.info({ name }, 'is back');
        this.options.say?.(`${name} is back`);
      },
    });
  }

  private async startRoles(roles: readonly RoleSpec[], ports: Ports): Promise<void> {
    const { dataDir, model, environment: further, signal } = this.options;
    const environment = roleSettings({
      endpoints: this.endpoints(),
      endpointsFile: endpointsPath(dataDir),
      ...(model === undefined ? {} : { model }),
      ...(this.servers.has('kafka') ? { kafkaDir: join(dataDir, 'kafka') } : {}),
      ...(further === undefined ? {} : { further }),
    });
    const config = loadConfig(environment);
    await prepareServers(config, this.log);
    signal?.throwIfAborted();
    for (const spec of roles) {
      const name = roleName(spec);
      if (this.roles.has(name) || this.servers.has(name)) throw new StackError(`Two roles are called ${name}.`);
      const port = await ports.take(name);
      const process = roleProcess(spec, { dataDir, port, environment, shutdownMs: config.PENSTOCK_SHUTDOWN_MS });
      this.roles.set(name, { spec, process: this.watch(process) });
    }
    await startAllReady([...this.roles.values()].map(({ process }) => process));
  }

  private writeEndpoints(): Promise<void> {
    if (!this.isReady) return Promise.resolve();
    this.writing = this.writing
      .then(() =>
        this.isReady
          ? writeFileAtomic(endpointsPath(this.options.dataDir), JSON.stringify(this.endpoints(), undefined, 2))
          : undefined,
      )
      .catch((error: unknown) => this.log.error({ err: error }, 'endpoints.json could not be written'));
    return this.writing;
  }

  private async boundLogs(): Promise<void> {
    const folder = join(this.options.dataDir, 'logs');
    try {
      for (const name of await readdir(folder)) if (name.endsWith('.log')) await boundLog(join(folder, name));
    } catch (error) {
      this.log.warn({ problem: messageOf(error) }, 'a log could not be cut');
    }
  }

  private async stopAll(): Promise<void> {
    this.isReady = false;
    await this.writing;
    await rm(endpointsPath(this.options.dataDir), { force: true });
    const roles = [...this.roles.values()];
    const others = [...new Set(roles.map(({ spec }) => spec.role))].filter((role) => !STOP_ORDER.includes(role));
    for (const role of [...others, ...STOP_ORDER])
      await Promise.all(roles.filter(({ spec }) => spec.role === role).map(({ process }) => process.stop()));
    await Promise.all([...this.servers.values()].map((server) => server.stop()));
    clearInterval(this.logTimer);
    this.reaper.close();
    await this.lock.release();
  }
}
