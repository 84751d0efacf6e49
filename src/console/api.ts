import { z } from 'zod';
import type { ConsoleRole } from '../config/index.js';
import { openApiDocument as describeApi, type OpenApiOperation } from '../service/index.js';
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

/** The contract of the console's API. */
export function openApiDocument(routes: readonly ApiRoute[], version: string): Record<string, unknown> {
  return describeApi(
    {
      info: {
        title: 'Penstock console',
        version,
        description:
          'What the page of `penstock console` uses. Programs send a key of PENSTOCK_CONSOLE_LOGINS as a bearer token. Answers only gain fields.',
      },
      security: ['key', 'session'],
      securitySchemes: {
        key: { type: 'http', scheme: 'bearer' },
        session: { type: 'apiKey', in: 'cookie', name: 'penstock_session' },
      },
      schemas: { Error: z.object({ error: z.string() }) },
    },
    routes.map(operationOf),
  );
}

function operationOf({ summary, role, body, answer, ...of }: ApiRoute): OpenApiOperation {
  return {
    ...of,
    summary: role === 'operator' ? `${summary} (operators)` : summary,
    body: body && { required: true, content: { 'application/json': body } },
    responses: {
      200: { description: 'It is done.', content: answer },
      default: {
        description:
          'It is not: 400 wrong request, 401 log in, 403 not allowed, 404 nothing there, 502 and 503 a server is away.',
        content: 'Error',
      },
    },
  };
}
