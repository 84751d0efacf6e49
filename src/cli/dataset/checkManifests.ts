import { landing, manifestWarnings, parseManifest, type Manifest } from '../../datasets/index.js';
import { readYamlFile, YamlError, YamlFileError, YamlSource, type YamlProblem } from '../../yaml/index.js';
import { manifestPaths } from './manifestPaths.js';
import { referencesOf } from './references.js';

/** What `penstock dataset check --json` prints. Fields are only added. */
export interface CheckReport {
  /** All manifests can be used. */
  ok: boolean;
  /** In the order of the paths; of a folder by name. */
  files: readonly CheckedFile[];
}

export interface CheckedFile {
  file: string;
  /** Of the dataset; null where the file does not say it. */
  name: string | null;
  problems: readonly YamlProblem[];
  /** There are more problems than are told. */
  isCut: boolean;
  warnings: readonly YamlProblem[];
  /** Null: the manifest is wrong. */
  dataset: { source: string; format: string; columns: number; mode: string; key: readonly string[] } | null;
}

/** A file as it was read. */
interface ReadFile {
  file: string;
  name: string | null;
  problems: YamlProblem[];
  isCut: boolean;
  /** Undefined where the file can't be read. */
  source?: YamlSource;
  /** Undefined where it is wrong. */
  manifest?: Manifest;
}

/** Checks each manifest by itself, then all together. Throws UsageError for a path that is not there. */
export async function checkManifests(paths: readonly string[]): Promise<CheckReport> {
  const files: ReadFile[] = [];
  for (const file of await manifestPaths(paths)) files.push(await readOne(file));
  refuseSharedNames(files);
  const checked = files.map((one) => checkedFile(one, files));
  return { ok: checked.every(({ problems }) => problems.length === 0), files: checked };
}

async function readOne(file: string): Promise<ReadFile> {
  let source: YamlSource | undefined;
  try {
    const text = await readYamlFile(file);
    source = new YamlSource(text);
    const { manifest } = parseManifest(text, file);
    return { file, name: manifest.name, problems: [], isCut: false, source, manifest };
  } catch (error) {
    if (error instanceof YamlError) {
      // After the problems it says how many more there are.
      const isCut = error.message.endsWith(' more') && error.message.includes(`\n${file}: … and `);
      return {
        file,
        problems: [...error.problems],
        isCut,
        ...(source ? { source, name: nameIn(source) } : { name: null }),
      };
    }
    if (!(error instanceof YamlFileError)) throw error;
    const message = error.message.replace(`${file}: `, '');
    return { file, name: null, problems: [{ line: 1, column: 1, message }], isCut: false };
  }
}

/** Also of a manifest that is wrong elsewhere, so that nothing is said about it that is not so. */
function nameIn(source: YamlSource): string | null {
  if (source.syntaxProblems('a name').length > 0) return null;
  const value = source.value();
  return typeof value === 'object' && value !== null && 'name' in value && typeof value.name === 'string'
    ? value.name
    : null;
}

function refuseSharedNames(files: readonly ReadFile[]): void {
  const first = new Map<string, string>();
  for (const { file, name, source, problems } of files) {
    if (name === null) continue;
    const earlier = first.get(name);
    if (earlier === undefined) first.set(name, file);
    else problems.push({ ...place(source, ['name']), message: `name: '${name}', ${earlier} has it already` });
  }
}

function checkedFile(
  { file, name, problems, isCut, source, manifest }: ReadFile,
  files: readonly ReadFile[],
): CheckedFile {
  const told = { file, name, problems, isCut };
  if (manifest === undefined) return { ...told, warnings: [], dataset: null };
  const warnings = [...manifestWarnings(manifest), ...missingDatasets(manifest, files)].map(({ path, message }) => ({
    ...place(source, path),
    message,
  }));
  return {
    ...told,
    warnings: warnings.toSorted((a, b) => a.line - b.line || a.column - b.column),
    dataset: {
      ...{ source: manifest.source.type, format: manifest.format.type, columns: landing(manifest.columns).length },
      ...{ mode: manifest.target.mode, key: manifest.target.key ?? [] },
    },
  };
}

function missingDatasets(
  manifest: Manifest,
  files: readonly ReadFile[],
): { path: readonly PropertyKey[]; message: string }[] {
  return referencesOf(manifest).flatMap(({ path, dataset, columns }) => {
    const named = files.find(({ name }) => name === dataset);
    if (named === undefined) return [{ path, message: `no manifest of those given has the dataset ${dataset}` }];
    if (named.manifest === undefined) return [];
    const landed = landing(named.manifest.columns).map(({ name }) => name);
    const missing = [...new Set(columns)].filter((column) => !landed.includes(column));
    if (missing.length === 0) return [];
    return [{ path, message: `${dataset} (${named.file}) has no column ${missing.join(', ')}` }];
  });
}

function place(source: YamlSource | undefined, path: readonly PropertyKey[]): { line: number; column: number } {
  return source?.at(path) ?? { line: 1, column: 1 };
}
