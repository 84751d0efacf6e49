import { spawn, type ChildProcess } from 'node:child_process';

/**
 * Ends everything that this process started, should this process die without doing so itself (kill -9). It is a small
 * shell that reads `+pid` and `-pid` lines from a pipe whose only writer is this process: at the end of the file it
 * sends TERM to the process groups still listed, and after a bounded time KILL.
 */
export interface Reaper {
  pid(): number | undefined;
  /** Lists a process group by its leader. */
  add(pid: number): void;
  /** Takes it off the list. */
  remove(pid: number): void;
  /** Ends the reaper; what is still listed is ended by it. */
  close(): void;
}

/** Milliseconds between TERM and KILL. */
const GRACE_MS = 8_000;

/** Its only argument: tenths of a second between TERM and KILL. */
const SCRIPT = `
trap '' HUP INT TERM
pids=' '
while read -r line; do
  pid=\${line#?}
  case $line in
    +*) pids="$pids$pid " ;;
    -*) case $pids in *" $pid "*) pids="\${pids%% $pid *} \${pids#* $pid }" ;; esac ;;
  esac
done
for pid in $pids; do kill -s TERM -- "-$pid" 2>/dev/null; done
tenths=0
while [ $tenths -lt $1 ]; do
  alive=
  for pid in $pids; do kill -s 0 -- "-$pid" 2>/dev/null && alive=1; done
  [ -z "$alive" ] && exit 0
  sleep 0.1
  tenths=$((tenths + 1))
done
for pid in $pids; do kill -s KILL -- "-$pid" 2>/dev/null; done
`;

/** @param onReplaced called with the new pid when the reaper was killed and had to be started again */
export function startReaper(onReplaced: (pid: number) => void, graceMs = GRACE_MS): Reaper {
  const listed = new Set<number>();
  let closed = false;
  let shell: ChildProcess;
  const start = (): void => {
    shell = spawn('/bin/sh', ['-c', SCRIPT, 'penstock-reaper', String(Math.ceil(graceMs / 100))], {
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
      cwd: '/',
      env: { PATH: '/usr/bin:/bin' },
    });
    shell.unref();
    shell.stdin?.on('error', () => undefined);
    shell.on('error', () => undefined);
    shell.once('exit', () => {
      if (closed) return;
      start();
      if (shell.pid !== undefined) onReplaced(shell.pid);
    });
    for (const pid of listed) write(`+${pid}`);
  };
  const write = (line: string): void => {
    shell.stdin?.write(`${line}\n`);
  };
  start();
  return {
    pid: () => shell.pid,
    add: (pid) => {
      listed.add(pid);
      write(`+${pid}`);
    },
    remove: (pid) => {
      listed.delete(pid);
      write(`-${pid}`);
    },
    close: () => {
      closed = true;
      shell.stdin?.end();
    },
  };
}
