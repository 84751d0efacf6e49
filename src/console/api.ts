import { z } from 'zod';
import type { ConsoleRole } from '../config/index.js';
import type { Person } from './access.js';

/** What a request is made of once it has been checked. */
export interface ApiInput<Params, Query, Body> {
  params: Params;
  query: Query;
  body: Body;
  person: Person;
}

/** One operation of the API: its contract, and what does it. */
export interface ApiRoute<
  Params extends z.ZodType = z.ZodType,
  Query extends z.ZodType = z.ZodType,
  Body extends z.ZodType = z.ZodType,
  Answer extends z.ZodType = z.ZodType,
> {
  method: 'GET' | 'POST';
  /** Parameters as `:name`. */
  path: string;
  summary: string;
  role: ConsoleRole;
  params?: Params;
  query?: Query;
  body?: Body;
  answer: Answer;
  handle: (input: ApiInput<z.output<Params>, z.output<Query>, z.output<Body>>) => Promise<z.input<Answer>>;
}

/** Checks the types of one route; all of them together are of no one type. */
export function route<P extends z.ZodType, Q extends z.ZodType, B extends z.ZodType, A extends z.ZodType>(
  one: ApiRoute<P, Q, B, A>,
): ApiRoute {
  return one;
}

/** https://spec.openapis.org/oas/v3.1.0 */
export function openApiDocument(routes: readonly ApiRoute[], version: string): Record<string, unknown> {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const one of routes) {
    const path = one.path.replaceAll(/:(\w+)/g, '{$1}');
    paths[path] = { ...paths[path], [one.method.toLowerCase()]: operationOf(one) };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Penstock console',
      version,
      description:
        'What the page of `penstock console` uses. Programs send a key of PENSTOCK_CONSOLE_LOGINS as a bearer token. Answers only gain fields.',
    },
    security: [{ key: [] }, { session: [] }],
    paths,
    components: {
      securitySchemes: {
        key: { type: 'http', scheme: 'bearer' },
        session: { type: 'apiKey', in: 'cookie', name: 'penstock_session' },
      },
      schemas: {
        Error: { type: 'object', properties: { error: { type: 'string' } }, required: ['error'] },
      },
    },
  };
}

function operationOf({ summary, role, params, query, body, answer }: ApiRoute): Record<string, unknown> {
  const parameters = [...parametersOf(params, 'path'), ...parametersOf(query, 'query')];
  return {
    summary: role === 'operator' ? `${summary} (operators)` : summary,
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body === undefined ? {} : { requestBody: { required: true, content: json(body, 'input') } }),
    responses: {
      200: { description: 'It is done.', content: json(answer, 'output') },
      default: {
        description:
          'It is not: 400 wrong request, 401 log in, 403 not allowed, 404 nothing there, 502 and 503 a server is away.',
        content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } },
      },
    },
  };
}

function parametersOf(schema: z.ZodType | undefined, place: 'path' | 'query'): unknown[] {
  if (schema === undefined) return [];
  const { properties = {}, required = [] } = schemaOf(schema, 'input');
  return Object.entries(properties).map(([name, of]) => ({
    ...{ name, in: place, schema: of },
    required: required.includes(name),
  }));
}

const json = (schema: z.ZodType, io: 'input' | 'output'): Record<string, unknown> => ({
  'application/json': { schema: schemaOf(schema, io) },
});

function schemaOf(
  schema: z.ZodType,
  io: 'input' | 'output',
): { properties?: Record<string, unknown>; required?: string[] } {
  const whole = z.toJSONSchema(schema, { io, target: 'draft-2020-12' });
  delete whole.$schema;
  return whole;
}
