/** What is at a path of records. */
interface Node {
  scalars: number;
  objects: number;
  /** Of scalars alone. */
  lists: number;
  /** Lists with lists or objects in them. */
  others: number;
  children: Map<string, Node>;
  /** More keys than columns should be made of: keys are values here. */
  isWide: boolean;
}

/** A column that records are made of. */
export interface Leaf {
  path: readonly string[];
  holds: 'text' | 'list' | 'json';
}

/** Objects within objects so deep become columns; deeper ones stay JSON. */
const DEPTH = 5;
/** An object with more keys over all records stays JSON. */
const MOST_KEYS = 100;

/** Which columns records have, in the order that they come in. */
export class Shape {
  readonly #root = emptyNode();

  add(record: Readonly<Record<string, unknown>>): void {
    learn(this.#root, record, 0);
  }

  leaves(): Leaf[] {
    return [...this.#root.children].flatMap(([key, node]) => leavesOf([key], node));
  }
}

/** Texts of a record, one for each leaf; null: nothing is there. */
export function fieldsOf(record: unknown, leaves: readonly Leaf[]): (string | null)[] {
  return leaves.map(({ path, holds }) => {
    const value = path.reduce<unknown>((at, key) => (isObject(at) && Object.hasOwn(at, key) ? at[key] : null), record);
    if (value === null || value === undefined) return null;
    return holds === 'text' ? scalarText(value) : JSON.stringify(value);
  });
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function learn(node: Node, value: unknown, depth: number): void {
  if (value === null) return;
  if (Array.isArray(value)) {
    if (value.some((one) => typeof one === 'object' && one !== null)) node.others += 1;
    else node.lists += 1;
    return;
  }
  if (!isObject(value)) {
    node.scalars += 1;
    return;
  }
  node.objects += 1;
  if (node.isWide || depth >= DEPTH) return;
  for (const [key, below] of Object.entries(value)) {
    const child = node.children.get(key) ?? emptyNode();
    node.children.set(key, child);
    learn(child, below, depth + 1);
  }
  // A record itself may have more: they are counted when all are known.
  if (depth === 0 || node.children.size <= MOST_KEYS) return;
  node.isWide = true;
  node.children.clear();
}

function leavesOf(path: string[], { scalars, objects, lists, others, children }: Node): Leaf[] {
  if (objects > 0 && children.size > 0 && scalars + lists + others === 0)
    return [...children].flatMap(([key, child]) => leavesOf([...path, key], child));
  const isList = lists > 0 && scalars + objects + others === 0;
  return [{ path, holds: isList ? 'list' : objects + others + lists > 0 ? 'json' : 'text' }];
}

function scalarText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function emptyNode(): Node {
  return { scalars: 0, objects: 0, lists: 0, others: 0, children: new Map(), isWide: false };
}
