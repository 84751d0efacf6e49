import { z } from 'zod';
import { consoleLogins } from './consolePeople.js';
import { list } from './kinds.js';

/** What the console reads: who may use it, and where its links lead. */
export const consoleVariables = {
  PENSTOCK_CONSOLE_LOGINS: list('')
    .transform(consoleLogins)
    .describe(
      'Who may log in to the console, as role:name:token separated by commas, each token of at least 32 characters. The role is `viewer` (sees everything) or `operator` (also retries, replays and discards). Without any, and without PENSTOCK_CONSOLE_PROXY_AUDIENCE, the console is there on loopback only, for everybody on the machine. Never logged.',
    ),
  PENSTOCK_CONSOLE_PROXY_AUDIENCE: z
    .string()
    .optional()
    .describe(
      'Audience of the tokens of an identity-aware proxy in front of the console; with it whom the proxy lets through is logged in.',
    ),
  PENSTOCK_CONSOLE_PROXY_HEADER: z
    .string()
    .regex(/^[a-z0-9-]{1,100}$/, 'a-z, 0-9, -')
    .default('x-goog-iap-jwt-assertion')
    .describe('Header in which the proxy sends its signed token.'),
  PENSTOCK_CONSOLE_PROXY_ISSUER: z
    .string()
    .default('https://cloud.google.com/iap')
    .describe('Issuer of the tokens of the proxy.'),
  PENSTOCK_CONSOLE_PROXY_JWKS_URL: z
    .url()
    .default('https://www.gstatic.com/iap/verify/public_key-jwk')
    .describe('Where the keys of the proxy are.'),
  PENSTOCK_CONSOLE_OPERATORS: list('').describe(
    'Emails, separated by commas, of whom the proxy lets through as operators; all others are viewers.',
  ),
  PENSTOCK_CONSOLE_TEMPORAL_UI: z
    .url()
    .optional()
    .describe('Address of the Temporal UI, for links into it. In the one-machine stack it is known.'),
  PENSTOCK_CONSOLE_ENDPOINTS_FILE: z
    .string()
    .optional()
    .describe('endpoints.json of a one-machine stack; with it the console shows the health of each role.'),
};
