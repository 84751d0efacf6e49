import { z } from 'zod';
import { BUCKET_NAME } from '../../domain/index.js';
import { columnNameSchema, durationSchema, oneOf, secretSchema, text, whole } from './words.js';

const bucket = 'the name of a bucket, like shop-exports';
const patterns = 'a list of names or patterns, like ["orders/*.csv.gz"]';
const pattern = 'a name, or a pattern with * (within a folder), ** (any folders) or ?, like orders/*.csv.gz';
const url = 'an address of http or https without a login, like https://api.example/v1/orders';
const header = 'the name of a header, like x-api-key';
const path = 'where the records are, like data.items; leave it out where the answer is the list';
const number = 'a number above 0, at most 1000, like 5 or 0.5';

const matchSchema = z
  .array(text(1_024, pattern), patterns)
  .min(1, patterns)
  .max(100, 'at most 100 patterns')
  .describe('Names, or patterns with *, ** and ?.');
const selectSchema = oneOf(['new', 'all'])
  .default('new')
  .describe('What a run takes: what no run has taken in this content yet, or all of it.');

const objects = z.strictObject({
  type: z.literal('objects'),
  bucket: z.string(bucket).regex(BUCKET_NAME, bucket),
  match: matchSchema,
  select: selectSchema,
  onUpload: z
    .boolean('true or false')
    .default(false)
    .describe('An upload that matches starts a run; those that come within 20 seconds share one.'),
});

const files = z.strictObject({
  type: z.literal('files'),
  folder: text(4_096, 'an absolute path of a folder that the ingesters have').regex(
    /^\//,
    'an absolute path of a folder that the ingesters have, like /data/orders',
  ),
  match: matchSchema,
  select: selectSchema,
});

const httpUrl = z.string(url).refine((value) => {
  const parsed = URL.parse(value);
  return parsed !== null && /^https?:$/.test(parsed.protocol) && parsed.username === '' && parsed.password === '';
}, url);
const headerName = z.string(header).regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$/, header);
const values = z.record(z.string(), z.union([z.string(), z.number(), z.boolean()]));

const auth = z.discriminatedUnion(
  'type',
  [
    z.strictObject({ type: z.literal('bearer'), secret: secretSchema }),
    z.strictObject({ type: z.literal('basic'), user: text(200, 'a user name'), secret: secretSchema }),
    z.strictObject({ type: z.literal('header'), header: headerName, secret: secretSchema }),
    z.strictObject({
      type: z.literal('query'),
      parameter: text(100, 'the name of a query parameter, like api_key'),
      secret: secretSchema,
    }),
  ],
  'type bearer, basic, header or query, with the name of a secret',
);

const parameter = (what: string) => text(100, `the name of a query parameter, like ${what}`);
const place = (what: string) => text(500, `where in the answer it is, like ${what}`);
const size = {
  sizeParameter: parameter('limit').optional(),
  size: whole(1, 100_000).default(100).describe('Records of a page.'),
};

const pagination = z.discriminatedUnion(
  'type',
  [
    z.strictObject({ type: z.literal('none') }),
    z.strictObject({
      type: z.literal('page'),
      parameter: parameter('page').default('page'),
      first: whole(0, 1).default(1).describe('Number of the first page.'),
      ...size,
    }),
    z.strictObject({ type: z.literal('offset'), parameter: parameter('offset').default('offset'), ...size }),
    z.strictObject({
      type: z.literal('cursor'),
      parameter: parameter('cursor').default('cursor'),
      next: place('meta.next'),
      ...size,
    }),
    z.strictObject({ type: z.literal('next-link'), next: place('links.next'), ...size }),
    z.strictObject({ type: z.literal('link-header'), ...size }),
  ],
  'type none, page, offset, cursor, next-link or link-header',
);

const http = z.strictObject({
  type: z.literal('http'),
  url: httpUrl.describe('{{since}}, {{until}} and {{date}} in it, in query and in body are what the run is for.'),
  method: oneOf(['GET', 'POST']).default('GET'),
  headers: z.record(headerName, text(2_000, 'the value of the header')).optional(),
  query: values.optional(),
  body: z.json().optional().describe('Sent as JSON, with POST.'),
  auth: auth.optional(),
  pagination: pagination.default({ type: 'none' }),
  maxPages: whole(1, 1_000_000).default(10_000).describe('A run that would need more fails.'),
  records: text(500, path).optional().describe('Where the list of records is: keys with dots between them.'),
  incremental: z
    .strictObject({
      column: columnNameSchema.describe(
        'A time or a number that grows; its greatest value is where the next run begins.',
      ),
      start: text(100, 'where the first run begins, like 2024-01-01T00:00:00Z'),
      lag: durationSchema.optional().describe('So much before it is read again, for what comes late.'),
    })
    .optional(),
  requestsPerSecond: z
    .number(number)
    .positive(number)
    .max(1_000, number)
    .default(5)
    .describe('To this host, by all runs together; the least of its manifests counts.'),
  timeout: durationSchema.default('30s').describe('Of one request.'),
});

/** Where rows come from. */
export const sourceSchema = z.discriminatedUnion(
  'type',
  [objects, files, http],
  'type objects, files or http, with what it needs',
);

export type DatasetSource = z.infer<typeof sourceSchema>;
