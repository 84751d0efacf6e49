import { program } from '../../dist/cli/program.js';

/**
 * Runs verbs for program.ts, one after the other, in a process that has loaded the program: a verb takes a fraction of
 * the two seconds that a process of its own costs. Each has its own program, environment, output and exit code.
 */

class Exit extends Error {
  code = 0;
}
process.exit = (code = 0) => {
  throw Object.assign(new Exit(), { code });
};

let output;
for (const name of ['stdout', 'stderr'])
  process[name].write = (chunk, ...rest) => {
    output[name] += chunk;
    rest.find((one) => typeof one === 'function')?.();
    return true;
  };

async function run({ id, args, environment }) {
  for (const name of Object.keys(process.env)) if (!(name in environment)) Reflect.deleteProperty(process.env, name);
  Object.assign(process.env, environment);
  output = { stdout: '', stderr: '' };
  try {
    await program().parseAsync(args, { from: 'user' });
    throw new Error(`${args.join(' ')} has not ended`);
  } catch (end) {
    if (!(end instanceof Exit)) output.stderr += String(end.stack ?? end);
    process.send({ id, code: end instanceof Exit ? end.code : 1, ...output });
  }
}

let last = Promise.resolve();
process.on('message', (message) => (last = last.then(() => run(message))));
process.once('disconnect', () => process.kill(process.pid, 'SIGKILL'));
