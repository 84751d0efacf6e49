import { createHash } from 'node:crypto';
import { YamlError, YamlFileError } from '../yaml/index.js';

/** What became of a change of the file. */
export type FileChange =
  /** Its text is another one. */
  | { kind: 'text'; text: string }
  /** It is again what was used last. */
  | { kind: 'restored' }
  /** It can't be read. */
  | { kind: 'unreadable'; error: YamlError | YamlFileError };

/**
 * Reads a file again and again and tells of each change once, when two reads in a row were the same: one that is being
 * written in place is not taken half. Content is compared, not times or notifications: it may be replaced by a rename,
 * or be a link of a mounted ConfigMap that points elsewhere.
 */
export function watchFile(options: {
  /** Throws YamlError or YamlFileError for what can't be read. */
  read: () => Promise<string>;
  /** The text as it was read before. */
  text: string;
  /** Milliseconds between two reads. */
  everyMs: number;
  /** True: the text is used from now on. */
  onChange: (change: FileChange) => boolean;
  onDefect: (error: unknown) => void;
}): { close: () => void } {
  let used = digest(options.text);
  let told = used;
  let before = used;
  let timer: NodeJS.Timeout | undefined;
  let closed = false;

  const look = async (): Promise<void> => {
    const { seen, change } = await read();
    const settled = seen === before;
    before = seen;
    if (closed || !settled || seen === told) return;
    told = seen;
    if (seen === used) options.onChange({ kind: 'restored' });
    else if (options.onChange(change)) used = seen;
  };
  const read = async (): Promise<{ seen: string; change: FileChange }> => {
    try {
      const text = await options.read();
      return { seen: digest(text), change: { kind: 'text', text } };
    } catch (error) {
      if (!(error instanceof YamlError || error instanceof YamlFileError)) throw error;
      return { seen: error.message, change: { kind: 'unreadable', error } };
    }
  };
  const next = (): void => {
    if (closed) return;
    timer = setTimeout(() => void look().catch(options.onDefect).then(next), options.everyMs);
    timer.unref();
  };
  next();
  return {
    close: () => {
      closed = true;
      clearTimeout(timer);
    },
  };
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
