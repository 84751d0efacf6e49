/** The one place where names and texts become SQL of DuckDB. */

/** A name, quoted. */
export function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** A text, quoted. DuckDB knows no escapes in it but the doubled quote, and no NUL. */
export function literal(text: string): string {
  const [first = '', ...rest] = text.split('\0').map((part) => `'${part.replaceAll("'", "''")}'`);
  return rest.length === 0 ? first : `concat(${[first, ...rest].join(', chr(0), ')})`;
}

/** Texts in parentheses, for IN. */
export function literals(texts: readonly string[]): string {
  return `(${texts.map(literal).join(', ')})`;
}

/** A list of VARCHAR. */
export function listOf(expressions: readonly string[]): string {
  return `CAST([${expressions.join(', ')}] AS VARCHAR[])`;
}

/** True where all hold; true of none. */
export function all(conditions: readonly string[]): string {
  return conditions.length === 0 ? 'true' : `(${conditions.join(' AND ')})`;
}

/** True where one holds; false of none. */
export function any(conditions: readonly string[]): string {
  return conditions.length === 0 ? 'false' : `(${conditions.join(' OR ')})`;
}
