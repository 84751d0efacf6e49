interface Codec {
  name: string;
  arguments: string[];
}

const CODEC = String.raw`[A-Za-z][A-Za-z0-9_]{0,40}(?:\(\s*\d{1,10}(?:\s*,\s*\d{1,10})*\s*\))?`;
const CODECS = new RegExp(String.raw`^\s*${CODEC}(?:\s*,\s*${CODEC})*\s*$`);
/** What ClickHouse writes for an argument that is left out; of other codecs it depends on the column or on the release. */
const DEFAULTS: Readonly<Record<string, string>> = { ZSTD: '1' };

/** A list of names of codecs, with whole numbers. Which ones there are is the server's to say. */
export function isCodec(text: string): boolean {
  return CODECS.test(text);
}

/**
 * Whether a codec of the manifest is the one that ClickHouse has written down, in its own spelling: `Delta, ZSTD` is there as
 * `Delta(8), ZSTD(1)`. Undefined is the server's default.
 */
export function isSameCodec(declared: string | undefined, existing: string | undefined): boolean {
  if (declared === undefined || existing === undefined) return declared === existing;
  const [wanted, there] = [codecsOf(declared), codecsOf(existing)];
  return (
    wanted.length === there.length && wanted.every((codec, index) => there[index] && isFulfilled(codec, there[index]))
  );
}

/** One that is left out, and has no default that is known, may be any. */
function isFulfilled(wanted: Codec, there: Codec): boolean {
  if (wanted.name !== there.name) return false;
  const isLeftOut = wanted.arguments.length === 0;
  const { [wanted.name]: standard } = DEFAULTS;
  if (isLeftOut && standard === undefined) return true;
  return (isLeftOut ? standard : wanted.arguments.join()) === there.arguments.join();
}

function codecsOf(text: string): Codec[] {
  return Array.from(text.matchAll(/([A-Za-z][A-Za-z0-9_]*)(?:\(([^)]*)\))?/g), ([, name = '', inside = '']) => ({
    name: name.toUpperCase(),
    arguments: inside
      .split(',')
      .map((argument) => argument.trim())
      .filter((argument) => argument !== ''),
  }));
}
