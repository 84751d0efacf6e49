import { z } from 'zod';
import { BUCKET_NAME } from '../domain/index.js';
import { apiKeys } from './apiKeys.js';
import { int, list, tokens } from './kinds.js';

/** What intake reads: the events, and the API of images and datasets. */
export const intakeVariables = {
  PENSTOCK_INTAKE_MAX_BODY_BYTES: int(262_144, 1024, 16_777_216).describe(
    'Largest body of an event; above it intake answers 413.',
  ),
  PENSTOCK_INTAKE_BUFFER_EVENTS: int(20_000, 1, 10_000_000).describe(
    "Most events that wait for the broker's acknowledgement; above it intake answers 503.",
  ),
  PENSTOCK_INTAKE_PRODUCE_TIMEOUT_MS: int(10_000, 100, 600_000).describe(
    'Milliseconds that an event may wait for the broker before intake answers 503.',
  ),
  PENSTOCK_INTAKE_OIDC_AUDIENCE: list('').describe(
    "Audiences, separated by commas, one of which the sender's OIDC token must have. Without any and without bearer tokens no token is asked for, and intake listens on loopback only.",
  ),
  PENSTOCK_INTAKE_OIDC_ISSUER: z.string().default('https://accounts.google.com').describe('Issuer of the token.'),
  PENSTOCK_INTAKE_OIDC_JWKS_URL: z
    .string()
    .default('https://www.googleapis.com/oauth2/v3/certs')
    .describe('Where the keys of the issuer are.'),
  PENSTOCK_INTAKE_OIDC_EMAILS: list('').describe(
    'Service accounts that may send, separated by commas; empty lets any with the audience.',
  ),
  PENSTOCK_INTAKE_OIDC_SIGNATURE: z
    .enum(['verify', 'removed-by-cloud-run'])
    .default('verify')
    .describe(
      "`removed-by-cloud-run` also takes tokens whose signature Cloud Run's IAM check has verified and removed, and holds their claims alone. Only where that check is on: without it anybody can write such a token.",
    ),

  PENSTOCK_INTAKE_BEARER_TOKENS: tokens.describe(
    'Static bearer tokens of senders that are not Google, separated by commas, each of at least 32 characters. Several let one be replaced without a gap. Never logged.',
  ),

  PENSTOCK_API_KEYS: list('')
    .transform(apiKeys)
    .describe(
      'Keys of the API as scope:token, separated by commas, each token of at least 32 characters. The scopes are `detect` and `datasets`; `detect@bucket:token` lets a key detect images of one bucket, `datasets@name:token` run one dataset. Without any the API is there on loopback only. Never logged.',
    ),
  PENSTOCK_DETECT_API_BUCKET: z
    .string()
    .regex(BUCKET_NAME, 'no bucket name')
    .optional()
    .describe(
      'Bucket that pictures are stored in that come as the body of POST /v1/detect. Without it none are taken.',
    ),
  PENSTOCK_DETECT_API_MAX_BYTES: int(10_000_000, 1, 2_000_000_000).describe(
    'Largest body of POST /v1/detect; above it, and above PENSTOCK_IMAGE_MAX_BYTES, it answers 413.',
  ),
  PENSTOCK_DETECT_API_MAX_IN_FLIGHT: int(200, 1, 10_000).describe(
    'Most requests of POST /v1/detect at once in one intake; above it it answers 429.',
  ),
};
