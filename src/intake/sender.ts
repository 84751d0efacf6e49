import { createRemoteJWKSet, errors, jwtVerify, UnsecuredJWT, type JWTPayload } from 'jose';
import { ConfigError, type Config } from '../config/index.js';
import { isLoopback } from '../service/index.js';
import { tokenList } from './bearerTokens.js';

/** May this sender hand in events? */
export type SenderVerdict =
  | { kind: 'admitted' }
  /** No token, or one that is not what it says. */
  | { kind: 'unauthorized'; why: string }
  /** A good token of somebody who is not allowed. */
  | { kind: 'forbidden'; why: string }
  /** The keys that would tell can't be had now. */
  | { kind: 'unavailable'; why: string };

export type SenderCheck = (authorization: string | undefined) => Promise<SenderVerdict>;

type SenderConfig = Pick<
  Config,
  | 'PENSTOCK_HTTP_HOST'
  | 'PENSTOCK_INTAKE_BEARER_TOKENS'
  | 'PENSTOCK_INTAKE_OIDC_AUDIENCE'
  | 'PENSTOCK_INTAKE_OIDC_ISSUER'
  | 'PENSTOCK_INTAKE_OIDC_JWKS_URL'
  | 'PENSTOCK_INTAKE_OIDC_EMAILS'
  | 'PENSTOCK_INTAKE_OIDC_SIGNATURE'
>;

/** Asymmetric signatures only: a public key must never pass as the secret of an HMAC. */
const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'ES256', 'ES384', 'EdDSA'];
const CLOCK_TOLERANCE_S = 30;
/** What Cloud Run puts in place of a signature that it has checked: https://cloud.google.com/run/docs/troubleshooting */
const REMOVED_SIGNATURE = 'SIGNATURE_REMOVED_BY_GOOGLE';

/**
 * Checks the bearer token of a sender: a static one of the configuration, or the OIDC token that Pub/Sub and Eventarc
 * send. Without either configured there is no check, and then only a loopback address is served: throws ConfigError for
 * any other.
 */
export function createSenderCheck(config: SenderConfig): SenderCheck | undefined {
  const isListed = tokenList(config.PENSTOCK_INTAKE_BEARER_TOKENS);
  const audience = config.PENSTOCK_INTAKE_OIDC_AUDIENCE;
  const verify = audience.length === 0 ? undefined : oidcCheck(config, audience);
  if (verify === undefined && config.PENSTOCK_INTAKE_BEARER_TOKENS.length === 0) {
    if (isLoopback(config.PENSTOCK_HTTP_HOST)) return undefined;
    throw new ConfigError(
      `intake would take events from anybody on ${config.PENSTOCK_HTTP_HOST}: set PENSTOCK_INTAKE_OIDC_AUDIENCE or PENSTOCK_INTAKE_BEARER_TOKENS, or PENSTOCK_HTTP_HOST to a loopback address`,
    );
  }
  return async (authorization) => {
    const token = /^Bearer +([\w.~+/=-]+)$/i.exec(authorization ?? '')?.[1];
    if (token === undefined) return { kind: 'unauthorized', why: 'no bearer token' };
    if (isListed(token)) return { kind: 'admitted' };
    return verify ? verify(token) : { kind: 'unauthorized', why: 'the token is not in PENSTOCK_INTAKE_BEARER_TOKENS' };
  };
}

function oidcCheck(config: SenderConfig, audience: string[]): (token: string) => Promise<SenderVerdict> {
  const issuer = config.PENSTOCK_INTAKE_OIDC_ISSUER;
  // Google's older tokens name the issuer without its scheme.
  const issuers = issuer === 'https://accounts.google.com' ? [issuer, 'accounts.google.com'] : issuer;
  const claims = {
    issuer: issuers,
    audience,
    requiredClaims: ['exp', 'iat'],
    clockTolerance: CLOCK_TOLERANCE_S,
  };
  const trustsCloudRun = config.PENSTOCK_INTAKE_OIDC_SIGNATURE === 'removed-by-cloud-run';
  const keys = createRemoteJWKSet(keysUrl(config.PENSTOCK_INTAKE_OIDC_JWKS_URL), { cacheMaxAge: 600_000 });
  const emails: ReadonlySet<string> = new Set(config.PENSTOCK_INTAKE_OIDC_EMAILS);
  if (trustsCloudRun && emails.size === 0)
    throw new ConfigError('PENSTOCK_INTAKE_OIDC_SIGNATURE=removed-by-cloud-run needs PENSTOCK_INTAKE_OIDC_EMAILS');

  return async (token) => {
    try {
      const { payload } =
        trustsCloudRun && token.endsWith(`.${REMOVED_SIGNATURE}`)
          ? UnsecuredJWT.decode(unsecured(token), claims)
          : await jwtVerify(token, keys, { ...claims, algorithms: ALGORITHMS });
      return emails.size === 0 || isAllowed(payload, emails)
        ? { kind: 'admitted' }
        : { kind: 'forbidden', why: 'the email of the token is not in PENSTOCK_INTAKE_OIDC_EMAILS, or not verified' };
    } catch (error) {
      return judge(error);
    }
  };
}

/** The same claims as a token without a signature, which the library then holds as those of any other. */
function unsecured(token: string): string {
  const [, payload = ''] = token.split('.');
  return `${UNSECURED_HEADER}.${payload}.`;
}

const UNSECURED_HEADER = Buffer.from('{"alg":"none"}').toString('base64url');

function isAllowed({ email, email_verified: verified }: JWTPayload, emails: ReadonlySet<string>): boolean {
  return verified === true && typeof email === 'string' && emails.has(email);
}

const FAULTS_OF_THE_TOKEN = [
  errors.JWTExpired,
  errors.JWTClaimValidationFailed,
  errors.JWTInvalid,
  errors.JWSInvalid,
  errors.JWSSignatureVerificationFailed,
  errors.JWKSNoMatchingKey,
  errors.JWKSMultipleMatchingKeys,
  errors.JOSEAlgNotAllowed,
  errors.JOSENotSupported,
];

/** Everything that is not the token's own fault means that the keys could not be had: the sender shall try again. */
function judge(error: unknown): SenderVerdict {
  const why = error instanceof Error ? error.message : String(error);
  if (FAULTS_OF_THE_TOKEN.some((kind) => error instanceof kind)) return { kind: 'unauthorized', why };
  return { kind: 'unavailable', why };
}

function keysUrl(text: string): URL {
  if (!URL.canParse(text)) throw new ConfigError(`PENSTOCK_INTAKE_OIDC_JWKS_URL: '${text}' is no URL`);
  return new URL(text);
}
