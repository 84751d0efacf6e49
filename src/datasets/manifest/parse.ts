import { createHash } from 'node:crypto';
import { readYamlFile, YamlError, YamlSource } from '../../yaml/index.js';
import { contradictions } from './contradictions.js';
import { manifestSchema, type Manifest } from './schema.js';

/** A manifest, and the hash of its text: of what a run went by. */
export interface ReadManifest {
  manifest: Manifest;
  /** SHA-256 of the file, in hex. */
  hash: string;
}

/** Reads a manifest. Throws YamlFileError where the file can't be read, YamlError where it is wrong. */
export async function readManifest(file: string): Promise<ReadManifest> {
  return parseManifest(await readYamlFile(file), file);
}

/** Reads the text of a manifest. Throws YamlError that names everything that is wrong, by line and column. */
export function parseManifest(text: string, file: string): ReadManifest {
  const source = new YamlSource(text);
  const syntax = source.syntaxProblems('version, name, source, format, columns and target');
  if (syntax.length > 0) throw new YamlError(file, syntax);
  const parsed = manifestSchema.safeParse(source.value());
  if (!parsed.success)
    throw new YamlError(
      file,
      parsed.error.issues.flatMap((issue) => source.describe(issue, manifestSchema)),
    );
  const problems = contradictions(parsed.data, source);
  if (problems.length > 0) throw new YamlError(file, problems);
  return { manifest: parsed.data, hash: createHash('sha256').update(text).digest('hex') };
}
