import type { Logger } from '../../telemetry/index.js';
import type { DatasetFormat } from '../manifest/format.js';
import type { Clock } from './clock.js';
import type { Resolver } from './guard.js';
import type { HostPace } from './pace.js';
import type { PageVariables } from './template.js';

/** Where fetching goes on. JSON of at most 4 KB; no secret is in it. */
export interface PagePosition {
  /** Pages that are done. */
  page: number;
  /** What leads to the next one: its number, an offset, a cursor, or an address. */
  next: string;
  /** SHA-256 of what was seen, to notice a loop: of the records of pages for page and offset, else of what led to them. */
  seen: string[];
}

/** A page of an API, whole. */
export interface Page {
  /** From 1. */
  number: number;
  /** Its address without anything secret, at most 500 characters, with `#page=3` at its end. */
  source: string;
  /** As it came, but for its content-encoding. */
  body: Buffer;
  /** Of the body, in hex. */
  sha256: string;
  /** Of a list in JSON; 0 for an answer without a body (204). Undefined for other formats. */
  records: number | undefined;
  /** Undefined: it is the last page. */
  next: PagePosition | undefined;
}

export interface FetchOptions {
  format: DatasetFormat;
  /** Default: the first page. */
  from?: PagePosition | undefined;
  variables: PageVariables;
  /** The value of a secret by its name; throws where there is none. */
  secrets: (name: string) => string;
  /** Names of hosts, `host:port`, addresses and networks that may be private. */
  allowPrivate: readonly string[];
  pace: HostPace;
  signal: AbortSignal;
  /** Told of each page that is asked for again. */
  log?: Logger | undefined;
  /** Default: the system's resolver. */
  resolve?: Resolver | undefined;
  /** Default: the system's clock. */
  clock?: Clock | undefined;
}
