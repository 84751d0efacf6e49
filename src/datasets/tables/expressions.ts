/**
 * Expressions of ClickHouse from a manifest. Whether they mean something is the server's to say; here they are held to be
 * one expression each, so that in brackets they can't become another part of a statement, or another statement.
 */

const SPACE = /^[ \t\r\n]+$/;
const QUOTED = /^['"`]/;
/** Braces (parameters), `$` (texts without escapes), `#` and `;` are none of these, and nothing beyond ASCII outside of quotes. */
const TOKEN =
  /[ \t\r\n]+|[A-Za-z_][A-Za-z0-9_]*|[0-9][A-Za-z0-9_.]*|'(?:[^'\\\0]|\\[^\0])*'|"(?:[^"\\\0]|\\[^\0])*"|`(?:[^`\\\0]|\\[^\0])*`|--|\/\*|[-+*/%=<>!|&:?.,()[\]]/y;
const CLOSES: Readonly<Record<string, string>> = { '(': ')', '[': ']' };

/** Why a text is not one expression; undefined where it is. */
export function expressionProblem(text: string): string | undefined {
  const { tokens, rest } = tokensOf(text);
  if (rest !== '') return QUOTED.test(rest) ? 'a quote is not closed' : `${JSON.stringify(rest[0])} outside of quotes`;
  if (tokens.every((token) => SPACE.test(token))) return 'it is empty';
  const open: string[] = [];
  for (const token of tokens) {
    if (token === '--' || token === '/*') return 'a comment in it';
    if (token.toUpperCase() === 'SELECT') return 'a query in it';
    if (token === ',' && open.length === 0) return 'two expressions, with a comma between them';
    const closing = CLOSES[token];
    if (closing !== undefined) open.push(closing);
    else if ((token === ')' || token === ']') && open.pop() !== token) return `a ${token} that closes nothing`;
  }
  const missing = open.pop();
  return missing === undefined ? undefined : `a ${missing} is missing`;
}

/** The words of an expression that may be names of columns. */
export function namesIn(expression: string): Set<string> {
  const names = tokensOf(expression).tokens.map((token) =>
    /^["`]/.test(token) ? token.slice(1, -1).replaceAll(/\\(.)/gs, '$1') : token,
  );
  return new Set(names.filter((name) => name !== ''));
}

/** Without spaces that mean nothing: for comparing, never for SQL, where `- -` must not become a comment. */
export function compact(expression: string): string {
  return tokensOf(expression)
    .tokens.filter((token) => !SPACE.test(token))
    .reduce((text, token) => (/\w$/.test(text) && /^\w/.test(token) ? `${text} ${token}` : text + token), '');
}

function tokensOf(text: string): { tokens: string[]; rest: string } {
  const tokens: string[] = [];
  let at = 0;
  while (at < text.length) {
    TOKEN.lastIndex = at;
    const token = TOKEN.exec(text)?.[0];
    if (token === undefined) break;
    tokens.push(token);
    at += token.length;
  }
  return { tokens, rest: text.slice(at) };
}
