import { z } from 'zod';

/** One operation of an API, as its contract has it. */
export interface OpenApiOperation {
  method: 'GET' | 'POST';
  /** Parameters as `:name`. */
  path: string;
  summary: string;
  params?: z.ZodType | undefined;
  query?: z.ZodType | undefined;
  headers?: z.ZodType | undefined;
  body?: OpenApiBody | undefined;
  /** By status, or `default`. */
  responses: Readonly<Record<string, OpenApiResponse>>;
}

export interface OpenApiBody {
  required: boolean;
  /** By media type; undefined: bytes. */
  content: Readonly<Record<string, z.ZodType | undefined>>;
}

export interface OpenApiResponse {
  description: string;
  /** Of JSON: a schema, or the name of a component. Default: there is nothing to be said of it. */
  content?: z.ZodType | string;
  headers?: z.ZodType;
}

/** What all operations have in common. */
export interface OpenApiCommon {
  info: { title: string; version: string; description: string };
  /** Names of schemes, one of which a request needs. */
  security: readonly string[];
  securitySchemes: Readonly<Record<string, Readonly<Record<string, string>>>>;
  schemas: Readonly<Record<string, z.ZodType>>;
}

/** A document of OpenAPI 3.1: https://spec.openapis.org/oas/v3.1.0 */
export function openApiDocument(
  { info, security, securitySchemes, schemas }: OpenApiCommon,
  operations: readonly OpenApiOperation[],
): Record<string, unknown> {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const one of operations) {
    const path = one.path.replaceAll(/:(\w+)/g, '{$1}');
    paths[path] = { ...paths[path], [one.method.toLowerCase()]: operationOf(one) };
  }
  return {
    openapi: '3.1.0',
    info,
    security: security.map((name) => ({ [name]: [] })),
    paths,
    components: {
      securitySchemes,
      schemas: Object.fromEntries(Object.entries(schemas).map(([name, schema]) => [name, schemaOf(schema)])),
    },
  };
}

function operationOf({ summary, params, query, headers, body, responses }: OpenApiOperation): Record<string, unknown> {
  const parameters = [...fieldsOf(params, 'path'), ...fieldsOf(query, 'query'), ...fieldsOf(headers, 'header')];
  return {
    summary,
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body === undefined ? {} : { requestBody: { required: body.required, content: contentOf(body.content) } }),
    responses: Object.fromEntries(Object.entries(responses).map(([status, of]) => [status, responseOf(of)])),
  };
}

function fieldsOf(schema: z.ZodType | undefined, place: 'path' | 'query' | 'header'): unknown[] {
  if (schema === undefined) return [];
  const { properties = {}, required = [] } = schemaOf(schema);
  return Object.entries(properties).map(([name, of]) => ({
    ...{ name, in: place, schema: of },
    required: required.includes(name),
  }));
}

function responseOf({ description, content, headers }: OpenApiResponse): Record<string, unknown> {
  const { properties = {} } = headers === undefined ? {} : schemaOf(headers);
  const schema =
    typeof content === 'string'
      ? { $ref: `#/components/schemas/${content}` }
      : content === undefined
        ? undefined
        : schemaOf(content);
  return {
    description,
    ...(headers === undefined
      ? {}
      : { headers: Object.fromEntries(Object.entries(properties).map(([name, of]) => [name, { schema: of }])) }),
    ...(schema === undefined ? {} : { content: { 'application/json': { schema } } }),
  };
}

function contentOf(content: OpenApiBody['content']): Record<string, unknown> {
  const types = Object.entries(content);
  return Object.fromEntries(
    types.map(([type, schema]) => [type, schema === undefined ? {} : { schema: schemaOf(schema) }]),
  );
}

/** As it comes in; also of answers, since the output side would say that they have no other fields, and they gain some. */
function schemaOf(schema: z.ZodType): { properties?: Record<string, unknown>; required?: string[] } {
  const whole = z.toJSONSchema(schema, { io: 'input', target: 'draft-2020-12' });
  delete whole.$schema;
  return whole;
}
