/** Whoever sent a body must not steer the terminal of who reads it: control characters but line ends show as escapes. */
export function plain(text: string): string {
  return text.replaceAll(
    /[^\P{Cc}\n\t]|[\u202a-\u202e\u2066-\u2069]/gu,
    (char) => `\\u${(char.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`,
  );
}
