/** Tells a person on stderr: stdout has the result alone. */
export function say(sentence: string): void {
  process.stderr.write(`${sentence}\n`);
}
