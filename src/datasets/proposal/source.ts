import { basename, dirname, resolve } from 'node:path';
import type { z } from 'zod';
import { sourceSchema } from '../manifest/source.js';
import { nameSchema } from '../manifest/words.js';
import { ProposalError } from './errors.js';
import { datasetName, filePattern } from './names.js';

export type SourceSettings = z.input<typeof sourceSchema>;

/** Where rows will come from, as far as whoever asks knows. */
export type WantedSource =
  | { type: 'objects'; bucket: string; match?: string | undefined }
  /** Default of the folder: that of the sample. */
  | { type: 'files'; folder?: string | undefined; match?: string | undefined }
  | { type: 'http'; url: string };

/** Throws ProposalError for a name that is none. */
export function nameOf(wanted: string | undefined, sample: string): string {
  const name = wanted ?? datasetName(basename(sample));
  const parsed = nameSchema.safeParse(name);
  if (parsed.success) return name;
  throw new ProposalError(`'${name}' is no name of a dataset; it should be ${told(parsed.error)}`, { isMisuse: true });
}

/** The source of a manifest. Without a pattern it is that of the sample's name, with any numbers in it. Throws ProposalError. */
export function sourceOf(wanted: WantedSource, sample: string): SourceSettings {
  const source = settings(wanted, sample);
  const parsed = sourceSchema.safeParse(source);
  if (parsed.success) return source;
  const [issue] = parsed.error.issues;
  throw new ProposalError(`${issue?.path.join('.') ?? 'source'}: should be ${told(parsed.error)}`, { isMisuse: true });
}

function settings(wanted: WantedSource, sample: string): SourceSettings {
  const pattern = filePattern(basename(sample));
  switch (wanted.type) {
    case 'objects':
      return { type: 'objects', bucket: wanted.bucket, match: [wanted.match ?? `**/${pattern}`] };
    case 'files':
      return { type: 'files', folder: wanted.folder ?? dirname(resolve(sample)), match: [wanted.match ?? pattern] };
    case 'http':
      return { type: 'http', url: wanted.url };
  }
}

function told(error: z.ZodError): string {
  return error.issues[0]?.message ?? '';
}
