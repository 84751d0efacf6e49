import type { FastifyReply, FastifyRequest } from 'fastify';

/** Most bytes of bodies that are read at once: many senders of large bodies must not add up. */
const BODIES_BYTES = 64 * 1_048_576;

/**
 * Holds the bodies that are being read to a sum. Each counts with the length that it announces, one that announces none
 * with the most that it may have, from before it is read until its request has been answered.
 */
export class BodyBudget {
  readonly #maxBodyBytes: number;
  #bytes = 0;

  constructor(maxBodyBytes: number) {
    this.#maxBodyBytes = maxBodyBytes;
  }

  /** False: there is no room now. A body that is too large needs none: it is refused unread. */
  take(request: FastifyRequest, reply: FastifyReply): boolean {
    const announced = Number(request.headers['content-length'] ?? this.#maxBodyBytes);
    if (announced > this.#maxBodyBytes) return true;
    if (this.#bytes + announced > BODIES_BYTES) return false;
    this.#bytes += announced;
    reply.raw.once('close', () => (this.#bytes -= announced));
    return true;
  }
}
