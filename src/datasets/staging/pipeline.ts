import { identifier } from './sql.js';

/** Gives an expression a name, so that it is computed once and used often. */
export interface Scope {
  /** SQL of the name. */
  name(sql: string): string;
  /** The only row of a table that a key has is put beside; gives the SQL of its column. Elements of lists have none. */
  lookUp?(table: string, key: { sql: string; column: string }, column: string): string;
}

/** A table whose columns come beside a row: names of them all begin with # and are the only ones so called. */
export interface Joined {
  table: string;
  /** Expression of a row, and the column that equals it. */
  on: readonly { sql: string; column: string }[];
  columns: readonly string[];
}

interface Layer {
  named: { sql: string; name: string }[];
  /** What an author's expressions see, by the name that they know it by. */
  aliases: Map<string, string>;
  joins: Joined[];
}

const NAME = /"#[a-z0-9_]+"/g;

/**
 * One SELECT over the records of a piece. It is built of layers: an expression stands in the first layer in which all
 * that it names is there. Names begin with #, which no column of a manifest does.
 */
export class Pipeline implements Scope {
  readonly #layers: Layer[] = [];
  readonly #depths = new Map<string, number>();
  readonly #names = new Map<string, string>();

  name(sql: string): string {
    if (new RegExp(`^(?:${NAME.source})$`).test(sql)) return sql;
    const known = this.#names.get(sql);
    if (known !== undefined) return known;
    const name = this.#place(sql, this.#depthOf(sql), new Map());
    this.#names.set(sql, name);
    return name;
  }

  /** `sql` stands around the expression of an author, which sees the aliases. */
  author(sql: string, aliases: ReadonlyMap<string, string>): string {
    return this.#place(sql, this.#depthOf([...aliases.values()].join()), aliases);
  }

  lookUp(table: string, { sql, column: key }: { sql: string; column: string }, column: string): string {
    const keyName = `#u${this.#depths.size}_k`;
    const name = `#u${this.#depths.size}_v`;
    const columns = `${identifier(key)} AS ${identifier(keyName)}, ${identifier(column)} AS ${identifier(name)}`;
    this.join({ table: `(SELECT ${columns} FROM ${table})`, on: [{ sql, column: keyName }], columns: [name] });
    return identifier(name);
  }

  /** A row without a match stays, with nothing in the columns. Of each key the table has one row at most. */
  join(joined: Joined): void {
    const depth = this.#depthOf(joined.on.map(({ sql }) => sql).join());
    this.#layer(depth).joins.push(joined);
    for (const column of joined.columns) this.#depths.set(identifier(column), depth + 1);
  }

  /** `source` is a SELECT that gives the names of the first layer. */
  sql(source: string): string {
    return this.#layers.reduce((from, layer) => sqlOf(layer, from), source);
  }

  /** The SELECT as it is by now, whatever is named later. */
  snapshot(): (source: string) => string {
    const layers = this.#layers.map(({ named, aliases, joins }) => ({
      named: [...named],
      aliases: new Map(aliases),
      joins: [...joins],
    }));
    return (source) => layers.reduce((from, layer) => sqlOf(layer, from), source);
  }

  #depthOf(sql: string): number {
    return Math.max(0, ...(sql.match(NAME) ?? []).map((name) => this.#depths.get(name) ?? 0));
  }

  #place(sql: string, depth: number, aliases: ReadonlyMap<string, string>): string {
    const name = identifier(`#${this.#depths.size}`);
    const layer = this.#layer(depth);
    layer.named.push({ sql, name });
    for (const [alias, meaning] of aliases) layer.aliases.set(alias, meaning);
    this.#depths.set(name, depth + 1);
    return name;
  }

  #layer(depth: number): Layer {
    while (this.#layers.length <= depth) this.#layers.push({ named: [], aliases: new Map(), joins: [] });
    const layer = this.#layers[depth];
    if (layer === undefined) throw new Error(`no layer ${depth}`);
    return layer;
  }
}

function sqlOf({ named, aliases, joins }: Layer, from: string): string {
  const seen = [...aliases].map(([alias, sql]) => `${sql} AS ${identifier(alias)}`);
  const inner = seen.length === 0 ? from : `SELECT *, ${seen.join(', ')} FROM (${from})`;
  const without = seen.length === 0 ? '' : ` EXCLUDE (${[...aliases.keys()].map(identifier).join(', ')})`;
  const columns = [`*${without}`, ...named.map(({ sql, name }) => `${sql} AS ${name}`)];
  const joined = joins.map(({ table, on }) => {
    const equal = on.map(({ sql, column }) => `${sql} = ${identifier(column)}`);
    return ` LEFT JOIN ${table} ON ${equal.join(' AND ')}`;
  });
  return `SELECT ${columns.join(', ')} FROM (${inner})${joined.join('')}`;
}

/** Names of what belongs to each element of a list. */
export class ElementScope implements Scope {
  readonly #element: string;
  readonly #steps: string[] = [];

  constructor(depth: number) {
    this.#element = `e${depth}`;
  }

  /** The element itself. */
  get element(): string {
    return `${this.#element}."#e"`;
  }

  name(sql: string): string {
    const key = identifier(`#e${this.#steps.length}`);
    this.#steps.push(`lambda ${this.#element}: struct_insert(${this.#element}, ${key} := ${sql})`);
    return `${this.#element}.${key}`;
  }

  /** The list with all that was named, and what `take` makes of each element. */
  sql(list: string, take: string): string {
    const elements = `list_transform(${list}, lambda ${this.#element}: struct_pack("#e" := ${this.#element}))`;
    const named = this.#steps.reduce((inner, step) => `list_transform(${inner}, ${step})`, elements);
    return `list_transform(${named}, lambda ${this.#element}: ${take})`;
  }
}
