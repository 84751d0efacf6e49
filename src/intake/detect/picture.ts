import { randomUUID } from 'node:crypto';
import type { Readable } from 'node:stream';
import { LANE_METADATA, NO_LANE } from '../../domain/index.js';
import type { ObjectWriter } from '../../storage/index.js';
import { Refusal } from '../refusal.js';

/** So that its own notification does not enqueue it: it is detected already. */
export const PICTURE_METADATA = { [LANE_METADATA]: NO_LANE };

const STORAGE_RETRY_S = 5;

/** Where a picture goes that comes as a body: a new name each time, in order of time. */
export function pictureName(nowMs: number, name: string | undefined): string {
  const day = new Date(nowMs).toISOString().slice(0, 10).replaceAll('-', '/');
  return `api/${day}/${randomUUID()}${name === undefined ? '' : `-${name}`}`;
}

/** Stores a picture; returns its resource. Throws Refusal where it is too large, breaks off, or can't be stored. */
export async function storePicture(
  writer: ObjectWriter,
  picture: {
    bucket: string;
    object: string;
    contentType: string;
    body: Readable;
    maxBytes: number;
    signal: AbortSignal;
  },
): Promise<unknown> {
  const written = await writer.write({ ...picture, metadata: PICTURE_METADATA });
  switch (written.kind) {
    case 'stored':
      return written.resource;
    case 'too_large':
      throw tooLarge(picture.maxBytes);
    case 'incomplete':
      throw new Refusal('incomplete', 'the body broke off; nothing was stored');
    case 'missing':
      throw new Refusal('storage', `there is no bucket gs://${picture.bucket}`, { retryAfterS: STORAGE_RETRY_S });
    case 'exists':
    case 'forbidden':
    case 'timeout':
    case 'failed':
      throw new Refusal('storage', `the picture can not be stored: ${written.detail}`, {
        retryAfterS: STORAGE_RETRY_S,
      });
  }
}

export function tooLarge(maxBytes: number): Refusal {
  return new Refusal('too_large', `a body has at most ${maxBytes} bytes`);
}
