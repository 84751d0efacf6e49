/**
 * Just enough of ClickHouse's lexer to know what a request is: where the data of an INSERT begins, which FORMAT the
 * query names, and whether there is more than one statement. Everything else is for the engine to judge.
 */
export interface Statement {
  /** `insert`: an INSERT whose data follows it. */
  kind: 'insert' | 'other';
  /** The format that the text names, as written. */
  format: string | undefined;
  /** For `insert`: index in the text at which its data begins. */
  dataStart: number;
  /** Index of a `;` that another statement follows; -1 without one. */
  secondStatement: number;
  /** May be sent piece by piece: one plain SELECT without totals. */
  streamable: boolean;
}

interface Token {
  /** A bare word in upper case, or the punctuation mark; a literal or quoted identifier is `'`. */
  text: string;
  start: number;
  end: number;
}

const WORD = /[A-Za-z_0-9$]+/y;
const QUOTED = /'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.|"")*"|`(?:[^`\\]|\\.|``)*`/sy;
const HEREDOC = /\$([A-Za-z_0-9]*)\$.*?\$\1\$/sy;
const SKIPPED = /\s+|--[^\n]*|#[!\s][^\n]*|\/\*.*?\*\//sy;

/** Reads the head of a request. `text` may be cut short after the data of an INSERT has begun. */
export function analyse(text: string): Statement {
  const found: Statement = {
    kind: 'other',
    format: undefined,
    dataStart: text.length,
    secondStatement: -1,
    streamable: false,
  };
  let depth = 0;
  let selects = 0;
  let totals = false;
  let first: string | undefined;
  let before: Token | undefined;
  let semicolon = -1;
  for (const token of tokens(text)) {
    if (semicolon >= 0 && token.text !== ';') {
      found.secondStatement = semicolon;
      break;
    }
    if (token.text === '(') depth += 1;
    else if (token.text === ')') depth -= 1;
    else if (first === undefined) first = token.text;
    if (token.text === ';') semicolon = token.start;
    if (depth === 0 && before?.text === 'FORMAT') found.format = text.slice(token.start, token.end);
    if (first === 'INSERT' && depth === 0) {
      const named = before?.text === 'FORMAT' && token.text !== ';';
      if (named || token.text === 'VALUES') {
        const format = named ? text.slice(token.start, token.end) : 'Values';
        return { ...found, kind: 'insert', format, dataStart: named ? afterLine(text, token.end) : token.end };
      }
    }
    if (before?.text === 'WITH' && token.text === 'TOTALS') totals = true;
    if (token.text === 'SELECT') selects += 1;
    before = token;
  }
  // chdb plans a streamed query on the JavaScript thread, and planning runs scalar subqueries: 1 s was seen. So a query
  // with any other SELECT inside is not streamed.
  found.streamable = (first === 'SELECT' || first === 'WITH') && selects === 1 && !totals;
  return found;
}

/** The rest of the line of the format's name belongs to the statement when it is blank; data may also begin on it. */
function afterLine(text: string, at: number): number {
  const blank = /[ \t\r\f\v]*\n?/y;
  blank.lastIndex = at;
  blank.test(text);
  return blank.lastIndex;
}

function* tokens(text: string): Generator<Token> {
  let at = 0;
  const match = (pattern: RegExp): boolean => {
    pattern.lastIndex = at;
    if (!pattern.test(text)) return false;
    at = pattern.lastIndex;
    return true;
  };
  while (at < text.length) {
    if (match(SKIPPED)) continue;
    const start = at;
    if (match(HEREDOC) || match(QUOTED)) yield { text: "'", start, end: at };
    else if (match(WORD)) yield { text: text.slice(start, at).toUpperCase(), start, end: at };
    else {
      at += 1;
      yield { text: text.slice(start, at), start, end: at };
    }
  }
}
