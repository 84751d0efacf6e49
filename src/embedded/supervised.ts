import { spawn, type ChildProcess } from 'node:child_process';
import { open } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { lastLines } from './files.js';
import { messageOf, StackError } from './errors.js';
import type { Reaper } from './reaper.js';

/** One process of the stack: a server or a role. */
export interface ProcessSpec {
  name: string;
  command: string;
  args: readonly string[];
  environment: NodeJS.ProcessEnv;
  cwd: string;
  /** Its standard output and error, appended. */
  logPath: string;
  /** Resolves when it serves; must end when `signal` aborts. A role is ready when it says where it listens. */
  ready: 'listening' | ((signal: AbortSignal) => Promise<void>);
  /** Milliseconds until it must be ready. */
  readyTimeoutMs: number;
  /** Milliseconds between SIGTERM and SIGKILL. */
  stopTimeoutMs: number;
}

/** What is told to the person at the terminal and to the log. */
export interface Observer {
  /** The pid or the port of the process changed. */
  changed(): void;
  /** It died and comes again in `waitMs`. */
  died(how: string, waitMs: number): void;
  /** It is ready again after a death. */
  back(): void;
}

const FIRST_WAIT_MS = 250;
const MAX_WAIT_MS = 15_000;
/** A process that ran this long starts again without much delay. */
const STEADY_MS = 30_000;

/** Runs a process, and runs it again when it dies, after a wait that doubles up to 15 s. */
export class Supervised {
  readonly name: string;
  /** Port that it said it listens on. */
  port: number | undefined;
  private child: ChildProcess | undefined;
  private exited: Promise<string> = Promise.resolve('never started');
  private wanted = false;
  private deaths = 0;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly spec: ProcessSpec,
    private readonly reaper: Reaper,
    private readonly observer: Observer,
  ) {
    this.name = spec.name;
  }

  get pid(): number | undefined {
    return this.child?.pid;
  }

  /**
   * Starts it and waits until it is ready. Throws `StackError` with its last words when it is not in time, or dies
   * before; only from then on does it come again.
   *
   * @param settled waited for too, after the process said that it is ready; bounded by itself
   */
  async start(settled?: (signal: AbortSignal) => Promise<void>): Promise<void> {
    this.wanted = true;
    this.deaths = 0;
    try {
      await this.run(settled);
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  /** SIGTERM, a bounded wait, SIGKILL to what is left of its process group. */
  async stop(): Promise<void> {
    this.wanted = false;
    clearTimeout(this.timer);
    const child = this.child;
    if (!child) return;
    child.kill('SIGTERM');
    const late = setTimeout(() => this.kill(), this.spec.stopTimeoutMs);
    await this.exited;
    clearTimeout(late);
  }

  /** Ends it at once, its children too. It comes again unless it was stopped. */
  kill(): void {
    if (this.child?.pid !== undefined) killGroup(this.child.pid);
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  private async run(settled?: (signal: AbortSignal) => Promise<void>): Promise<void> {
    const startedAt = performance.now();
    const { spec } = this;
    const log = await open(spec.logPath, 'a');
    let child: ChildProcess;
    try {
      if (!this.wanted) throw new StackError(`${spec.name} was stopped while it started.`);
      // The shell waits for a line before it becomes the program: should this process die before the reaper knows the
      // pid, the line never comes and nothing is left behind.
      child = spawn('/bin/sh', ['-c', 'read -r go && exec "$@" </dev/null', 'sh', spec.command, ...spec.args], {
        cwd: spec.cwd,
        env: spec.environment,
        detached: true,
        stdio: ['pipe', log.fd, log.fd, ...(spec.ready === 'listening' ? (['ipc'] as const) : [])],
      });
    } finally {
      await log.close();
    }
    const listening = new Promise<void>((resolve) => {
      child.on('message', (message) => {
        const port = listeningPort(message);
        if (port === undefined) return;
        this.port = port;
        resolve();
        this.observer.changed();
      });
    });
    this.exited = new Promise((resolve) => {
      child.once('error', (error) => resolve(error.message));
      child.once('exit', (code, signal) => resolve(signal ?? `exit code ${code ?? 'unknown'}`));
    });
    this.child = child;
    const { pid } = child;
    if (pid !== undefined) this.reaper.add(pid);
    child.stdin?.on('error', () => undefined);
    child.stdin?.end('go\n');
    this.observer.changed();

    const ended = this.exited.then((how) => {
      if (pid !== undefined) {
        killGroup(pid);
        this.reaper.remove(pid);
      }
      this.child = undefined;
      this.port = undefined;
      this.observer.changed();
      return how;
    });
    let isReady = false;
    void ended.then((how) => {
      if (this.wanted && (isReady || this.deaths > 0)) this.comeAgain(how, performance.now() - startedAt);
    });
    await this.waitReady(ended, spec.ready === 'listening' ? () => listening : spec.ready, spec.readyTimeoutMs);
    if (settled) await this.waitReady(ended, settled);
    isReady = true;
  }

  private async waitReady(
    ended: Promise<string>,
    isReady: (signal: AbortSignal) => Promise<void>,
    timeoutMs?: number,
  ): Promise<void> {
    const { spec } = this;
    const controller = new AbortController();
    const { signal } = controller;
    try {
      const ready = isReady(signal);
      ready.catch(() => undefined);
      const outcome = await Promise.race([
        ready.then(() => undefined),
        ended.then((how) => `ended before it was ready (${how})`),
        ...(timeoutMs === undefined
          ? []
          : [sleep(timeoutMs, `was not ready within ${timeoutMs / 1000} s`, { signal })]),
      ]);
      if (outcome === undefined) return;
      const words = await lastLines(spec.logPath, 8);
      throw new StackError(`${spec.name} ${outcome}. The end of ${spec.logPath}:\n${words}`);
    } finally {
      controller.abort();
    }
  }

  private comeAgain(how: string, ranMs: number): void {
    this.deaths = ranMs > STEADY_MS ? 1 : this.deaths + 1;
    const waitMs = Math.min(MAX_WAIT_MS, FIRST_WAIT_MS * 2 ** Math.min(this.deaths - 1, 10));
    this.observer.died(how, waitMs);
    this.timer = setTimeout(() => {
      this.run().then(
        () => this.observer.back(),
        (error: unknown) => this.notReady(error),
      );
    }, waitMs);
  }

  /** A restart that did not become ready: when it still runs, it is killed, and so comes again. */
  private notReady(error: unknown): void {
    if (!this.wanted) return;
    if (this.child) this.kill();
    else if (!(error instanceof StackError)) this.comeAgain(messageOf(error), 0);
  }
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // Nothing of it is left.
  }
}

function listeningPort(message: unknown): number | undefined {
  if (typeof message !== 'object' || message === null || !('kind' in message) || message.kind !== 'listening')
    return undefined;
  return 'port' in message && typeof message.port === 'number' ? message.port : undefined;
}
