/** What looks like a secret in a text, and what is left of it. */
const SECRETS: readonly (readonly [RegExp, string])[] = [
  // Signed URLs, and tokens or keys in a query; a URL may stand in another one.
  [
    /\b((?:x-(?:goog|amz)-(?:signature|credential|security-token)|signature|sig|token|[a-z]+_token|api[_-]?key|key|password|secret)(?:=|%3D))(?:(?!%26)[^&"'\s\\<>])+/gi,
    '$1[redacted]',
  ],
  // Passwords in URLs.
  [/(:\/\/[^/\s:@"'\\]*:)[^@/\s"'\\]+@/g, '$1[redacted]@'],
  // Headers that somebody has put into a sentence.
  [/\b((?:bearer|basic)\s+)[A-Za-z0-9._~+/=-]{8,}/gi, '$1[redacted]'],
  // JSON Web Tokens.
  [/\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*/g, '[redacted]'],
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/gs, '[redacted]'],
];

/** A text without what looks like a secret: clients put URLs, and what a server answered, into their messages. */
export function scrub(text: string): string {
  return SECRETS.reduce((left, [pattern, rest]) => left.replaceAll(pattern, rest), text);
}
