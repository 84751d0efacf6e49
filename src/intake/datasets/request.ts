import { createHash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { DatasetRunRequest } from '../../domain/index.js';
import { checked } from '../checked.js';
import { parseJson } from '../reading.js';
import { Refusal } from '../refusal.js';
import { startBody, startHeaders } from './contract.js';

/** What a sender asks a run for. */
export type RunOptions = Pick<DatasetRunRequest, 'logicalDate' | 'since' | 'until' | 'full'>;

export interface StartRequest {
  options: RunOptions;
  /** Of the options, however they were written: tells whether a key is used for the same again. */
  hash: string;
  key: string | undefined;
}

/** Reads body and headers of a request for a run. Throws Refusal that names each field that is wrong. */
export function readStart(body: Buffer, headers: IncomingHttpHeaders): StartRequest {
  const { 'Idempotency-Key': key } = checked(startHeaders, { 'Idempotency-Key': headers['idempotency-key'] }, 'header');
  const { logicalDate, since, until, full } = checked(startBody, readBody(body), 'body');
  const options: RunOptions = {
    ...(logicalDate === undefined ? {} : { logicalDate: utc(logicalDate) }),
    ...(since === undefined ? {} : { since: cursor(since) }),
    ...(until === undefined ? {} : { until: cursor(until) }),
    ...(full ? { full } : {}),
  };
  if (options.since !== undefined && options.until !== undefined && !isBefore(options.since, options.until))
    throw new Refusal('invalid', 'body.since: it has to be before until, and of its kind');
  return { options, hash: createHash('sha256').update(JSON.stringify(options)).digest('hex'), key };
}

function readBody(body: Buffer): unknown {
  if (body.toString('latin1').trim() === '') return {};
  const json = parseJson(body);
  if (!json.ok) throw new Refusal('invalid', `body: ${json.detail}`);
  return json.value;
}

function utc(time: string): string {
  return new Date(time).toISOString();
}

const isNumber = (text: string): boolean => /^-?\d+$/.test(text);

function cursor(text: string): string {
  return isNumber(text) ? text : utc(text);
}

function isBefore(since: string, until: string): boolean {
  if (isNumber(since) !== isNumber(until)) return false;
  return isNumber(since) ? BigInt(since) < BigInt(until) : since < until;
}

/** Throws Refusal for a body that is no JSON by its headers; none may have any type. */
export function checkBodyType(headers: IncomingHttpHeaders): void {
  const { 'content-encoding': encoding, 'content-type': type, 'content-length': length } = headers;
  if (length === '0' || (length === undefined && headers['transfer-encoding'] === undefined)) return;
  if (encoding !== undefined && encoding !== 'identity')
    throw new Refusal('unsupported', 'a body is taken as it is, without Content-Encoding');
  if ((type ?? '').split(';')[0]?.trim().toLowerCase() !== 'application/json')
    throw new Refusal('unsupported', 'Content-Type: application/json, or no body');
}
