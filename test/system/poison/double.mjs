import sharp from 'sharp';

/**
 * A decoder with a fault, loaded by `--import` into the processes of a detector under test: a picture that ends with one
 * of these words kills the process that decodes it, as native code that crashes does, or the detector as a whole.
 */
const POISON = 'POISON: this picture kills its child process';
const KILLER = 'KILLER: this picture kills its detector';

const { toBuffer } = sharp.prototype;

sharp.prototype.toBuffer = function poisoned(...args) {
  const bytes = this.options.input.buffer ?? Buffer.alloc(0);
  if (bytes.includes(POISON)) process.kill(process.pid, 'SIGSEGV');
  if (bytes.includes(KILLER)) process.kill(process.ppid, 'SIGKILL');
  return toBuffer.apply(this, args);
};
