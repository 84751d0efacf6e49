import { openApiDocument, type OpenApiOperation, type OpenApiResponse } from '../service/index.js';
import {
  datasetPath,
  datasetsAnswer,
  datasetsQuery,
  errorAnswer,
  runAnswer,
  runPath,
  runQuery,
  runsAnswer,
  runsQuery,
  startBody,
  startedAnswer,
  startedHeaders,
  startHeaders,
} from './datasets/contract.js';
import { detectedAnswer } from './detect/answer.js';
import { querySchema, referenceSchema } from './detect/request.js';

/** The contract of intake's API for programs. */
export function apiDocument(version: string): Record<string, unknown> {
  return openApiDocument(
    {
      info: {
        title: 'Penstock',
        version,
        description:
          'Detects images and runs datasets. Programs send a key of PENSTOCK_API_KEYS as a bearer token. Answers only gain fields.',
      },
      security: ['key'],
      securitySchemes: { key: { type: 'http', scheme: 'bearer' } },
      schemas: { Error: errorAnswer },
    },
    OPERATIONS,
  );
}

/** Any other status: what it means is in `error` and `message`. */
function refused(statuses: string): Readonly<Record<'default', OpenApiResponse>> {
  return {
    default: {
      description: `It is not done: ${statuses}. 429 and 503 say in Retry-After when to ask again.`,
      content: 'Error',
    },
  };
}

const READ =
  '400 wrong request, 401 no key, 403 the key is not for it, 404 there is none, 429 too many ask, 503 a server is away';

const OPERATIONS: readonly OpenApiOperation[] = [
  {
    ...{ method: 'POST', path: '/v1/detect', summary: 'Boxes of one image, while its sender waits' },
    query: querySchema,
    body: {
      required: true,
      content: { 'application/json': referenceSchema, 'image/*': undefined, 'application/octet-stream': undefined },
    },
    responses: {
      200: { description: 'Its boxes.', content: detectedAnswer },
      ...refused(`${READ}, 413 and 415 another body, 422 it can not be detected, 504 the deadline is past`),
    },
  },
  {
    ...{ method: 'GET', path: '/v1/datasets', summary: 'Datasets, and how fresh they are', query: datasetsQuery },
    responses: { 200: { description: 'In the order of their names.', content: datasetsAnswer }, ...refused(READ) },
  },
  {
    ...{ method: 'GET', path: '/v1/datasets/:name/runs', summary: 'Runs of a dataset by their records' },
    ...{ params: datasetPath, query: runsQuery },
    responses: { 200: { description: 'The latest first.', content: runsAnswer }, ...refused(READ) },
  },
  {
    ...{ method: 'POST', path: '/v1/datasets/:name/runs', summary: 'Starts a run of a dataset' },
    ...{ params: datasetPath, headers: startHeaders },
    body: { required: false, content: { 'application/json': startBody } },
    responses: {
      202: { description: 'It is started.', content: startedAnswer, headers: startedHeaders },
      200: { description: 'It was, by this key.', content: startedAnswer, headers: startedHeaders },
      ...refused(`${READ}, 413 and 415 another body, 422 the key was used with another body`),
    },
  },
  {
    ...{ method: 'GET', path: '/v1/runs/:id', summary: 'How a run stands', params: runPath, query: runQuery },
    responses: { 200: { description: 'As it is now.', content: runAnswer }, ...refused(READ) },
  },
];
