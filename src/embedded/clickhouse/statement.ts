/**
 * Just enough of ClickHouse's lexer to know what a request is: where the data of an INSERT begins, which FORMAT the
 * query names, and whether there is more than one statement. Everything else is for the engine to judge.
 */
export interface Statement {
  /** Set for an INSERT that its data follows. */
  insert: InsertStatement | undefined;
  /** The format that the text names, as written. */
  format: string | undefined;
  /** May be sent piece by piece: one plain SELECT without totals. */
  streamable: boolean;
  /** Index of a `;` that another statement follows; -1 without one. */
  secondStatement: number;
  /** The text says FROM INFILE or INTO OUTFILE: clients do that, servers refuse it. */
  usesFile: boolean;
}

/**
 * Indexes in the text: `INSERT INTO t (a)` up to `targetEnd`, then perhaps SETTINGS, then FORMAT or VALUES, then data. With
 * `INSERT INTO t SELECT … FROM input('…')` all before FORMAT is the target.
 */
export interface InsertStatement {
  targetEnd: number;
  settingsEnd: number;
  dataStart: number;
  format: string;
  /** Where `input('structure')` stands, and its argument as written. */
  input?: { start: number; end: number; structure: string };
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
    insert: undefined,
    format: undefined,
    streamable: false,
    secondStatement: -1,
    usesFile: false,
  };
  let depth = 0;
  let selects = 0;
  let totals = false;
  let targetEnd: number | undefined;
  let semicolon = -1;
  let first: string | undefined;
  let before: Token | undefined;
  let input: InsertStatement['input'];
  const last: Token[] = [];
  for (const token of tokens(text)) {
    if (semicolon >= 0 && token.text !== ';') {
      found.secondStatement = semicolon;
      break;
    }
    if (token.text === '(') depth += 1;
    else if (token.text === ')') depth -= 1;
    else first ??= token.text;
    if (token.text === ';') semicolon = token.start;
    last.push(token);
    if (last.length > 4) last.shift();
    input ??= inputOf(last, text);
    if (token.text === 'SELECT') selects += 1;
    if (before?.text === 'WITH' && token.text === 'TOTALS') totals = true;
    if (token.text === 'INFILE' || token.text === 'OUTFILE')
      found.usesFile ||= before?.text === 'FROM' || before?.text === 'INTO';
    if (depth === 0) {
      const named = before?.text === 'FORMAT' && /^\w/.test(token.text) ? before : undefined;
      if (named) found.format = text.slice(token.start, token.end);
      if (token.text === 'SETTINGS') targetEnd ??= token.start;
      const beginsData = selects === 0 ? named !== undefined || token.text === 'VALUES' : named !== undefined && input;
      if (first === 'INSERT' && beginsData) {
        const settingsEnd = (named ?? token).start;
        found.insert = {
          ...(input && { input }),
          targetEnd: (input ? undefined : targetEnd) ?? settingsEnd,
          settingsEnd,
          dataStart: named ? afterLine(text, token.end) : token.end,
          format: found.format ?? 'Values',
        };
        return found;
      }
    }
    before = token;
  }
  // chdb plans a streamed query on the JavaScript thread, and planning runs scalar subqueries: 1 s was seen. So a query
  // with any other SELECT inside is not streamed.
  found.streamable = (first === 'SELECT' || first === 'WITH') && selects === 1 && !totals;
  return found;
}

/** The table function `input('structure')`, when it is what the text has come to. */
function inputOf(last: readonly Token[], text: string): InsertStatement['input'] {
  const [name, open, structure, close] = last;
  if (name?.text !== 'INPUT' || open?.text !== '(' || structure?.text !== "'" || close?.text !== ')') return undefined;
  return { start: name.start, end: close.end, structure: text.slice(structure.start, structure.end) };
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
