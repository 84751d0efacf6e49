import { z } from 'zod';

interface Schema {
  properties?: Record<string, Schema>;
  items?: Schema;
  additionalProperties?: Schema | boolean;
  anyOf?: Schema[];
  oneOf?: Schema[];
  const?: unknown;
}

/** Keys that a schema knows at a path of a value; of several kinds of object those of the kind that the value says it is. */
export function keysAt(schema: z.ZodType, path: readonly PropertyKey[], value: unknown): string[] {
  let at: Schema[] = [z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as Schema];
  let found = value;
  for (const key of path) {
    at = kindsOf(at, found).flatMap((one) => below(one, key));
    found = isObject(found) ? found[key] : undefined;
  }
  return [...new Set(kindsOf(at, found).flatMap(({ properties = {} }) => Object.keys(properties)))];
}

function below({ properties = {}, items, additionalProperties }: Schema, key: PropertyKey): Schema[] {
  if (typeof key === 'number') return items === undefined ? [] : [items];
  const named = properties[String(key)];
  if (named !== undefined) return [named];
  return typeof additionalProperties === 'object' ? [additionalProperties] : [];
}

/** Without those whose constants are not the value's. */
function kindsOf(schemas: readonly Schema[], value: unknown): Schema[] {
  const all = schemas.flatMap((schema): Schema[] => {
    const { anyOf = [], oneOf = [] } = schema;
    const kinds = [...anyOf, ...oneOf].filter((kind) => kind.properties !== undefined || kind.anyOf || kind.oneOf);
    return schema.properties === undefined && kinds.length > 0 ? kindsOf(kinds, value) : [schema];
  });
  const fitting = all.filter(({ properties = {} }) =>
    Object.entries(properties).every(
      ([key, of]) => of.const === undefined || (isObject(value) && value[key] === of.const),
    ),
  );
  return fitting.length > 0 ? fitting : all;
}

function isObject(value: unknown): value is Record<PropertyKey, unknown> {
  return typeof value === 'object' && value !== null;
}
