import { runTool } from './cache.js';
import { StackError } from './errors.js';

const JAVA_LEAST = 17;

/** Java 17 or later, for Kafka. Throws a sentence that says how to get it. */
export async function requireJava(): Promise<void> {
  const version = await runTool('java', 'java', ['--version'], { timeoutMs: 20_000 }).catch(() => undefined);
  const major = Number(/\d+/.exec(version ?? '')?.[0] ?? 0);
  if (major >= JAVA_LEAST) return;
  const found = major === 0 ? 'there is no working one on the PATH' : `the one on the PATH is ${major}`;
  throw new StackError(
    `Java ${JAVA_LEAST} or later is needed to run Kafka, and ${found}. Install it, for example with \`apt-get install openjdk-17-jre-headless\` or \`brew install openjdk@17\`, or set PENSTOCK_STACK_KAFKA to the address of a broker.`,
  );
}

/** Maven, to download Kafka the first time. */
export async function requireMaven(): Promise<void> {
  const found = await runTool('mvn', 'mvn', ['--version'], { timeoutMs: 30_000 }).catch(() => undefined);
  if (found === undefined)
    throw new StackError(
      'Maven is needed to download Kafka the first time, and there is no working `mvn` on the PATH. Install it, for example with `apt-get install maven` or `brew install maven`, or set PENSTOCK_STACK_KAFKA to the address of a broker.',
    );
}

/** Python 3 with pip, to download `what` the first time. */
export async function requirePip(what: string, variable: string): Promise<void> {
  const found = await runTool('pip', 'python3', ['-m', 'pip', '--version'], { timeoutMs: 30_000 }).catch(
    () => undefined,
  );
  if (found === undefined)
    throw new StackError(
      `Python 3 with pip is needed to download ${what} the first time, and \`python3 -m pip\` does not run. Install it, for example with \`apt-get install python3-pip\` or \`brew install python\`, or set ${variable} to the address of a server.`,
    );
}
