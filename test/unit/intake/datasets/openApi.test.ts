import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { apiDocument } from '../../../../src/intake/openApi.js';
import { record, startApi, type Rig } from './rig.js';

const schema = z.looseObject({});
const content = z.record(z.string(), z.object({ schema: schema.optional() }));
const operation = z.strictObject({
  summary: z.string().min(1),
  parameters: z
    .array(z.strictObject({ name: z.string(), in: z.enum(['path', 'query', 'header']), required: z.boolean(), schema }))
    .optional(),
  requestBody: z.strictObject({ required: z.boolean(), content }).optional(),
  responses: z.record(
    z.string().regex(/^(?:[1-5]\d\d|default)$/),
    z.strictObject({
      description: z.string().min(1),
      headers: z.record(z.string(), z.strictObject({ schema })).optional(),
      content: content.optional(),
    }),
  ),
});
/** What https://spec.openapis.org/oas/v3.1.0 asks of the parts that are used here. */
const documentSchema = z.strictObject({
  openapi: z.literal('3.1.0'),
  info: z.strictObject({ title: z.string(), version: z.string(), description: z.string() }),
  security: z.array(z.record(z.string(), z.array(z.never()))),
  paths: z.record(z.string().startsWith('/'), z.partialRecord(z.enum(['get', 'post']), operation)),
  components: z.strictObject({
    securitySchemes: z.record(z.string(), z.strictObject({ type: z.literal('http'), scheme: z.literal('bearer') })),
    schemas: z.record(z.string(), schema),
  }),
});
type Document = z.infer<typeof documentSchema>;

const read = async ({ get }: Rig): Promise<Document> => documentSchema.parse((await get('/v1/openapi.json')).json());

describe('the contract', () => {
  it('is a document of OpenAPI 3.1 that names what there is', async () => {
    const document = await read(await startApi());
    expect(document).toEqual(JSON.parse(JSON.stringify(apiDocument(document.info.version))));
    const names = Object.entries(document.paths).flatMap(([path, of]) =>
      Object.keys(of).map((method) => `${method} ${path}`),
    );
    expect(names.sort()).toEqual([
      ...['get /v1/datasets', 'get /v1/datasets/{name}/runs', 'get /v1/runs/{id}'],
      ...['post /v1/datasets/{name}/runs', 'post /v1/detect'],
    ]);
    expect(document.security.flatMap(Object.keys)).toEqual(Object.keys(document.components.securitySchemes));
  });

  it('has each parameter of a path, each reference, and schemas that can be used', async () => {
    const { paths, components } = await read(await startApi());
    const ajv = new Ajv2020({ strict: false, formats: { 'date-time': true, date: true } });
    for (const [path, methods] of Object.entries(paths))
      for (const { parameters = [], requestBody, responses } of Object.values(methods)) {
        const inPath = parameters.filter((one) => one.in === 'path');
        expect(
          inPath.map(({ name }) => `{${name}}`),
          path,
        ).toEqual(path.match(/\{\w+\}/g) ?? []);
        expect(inPath.every(({ required }) => required)).toBe(true);
        const contents = [requestBody?.content, ...Object.values(responses).map((response) => response.content)];
        const schemas = contents.flatMap((one) =>
          Object.values(one ?? {}).flatMap(({ schema: of }) => (of === undefined ? [] : [of])),
        );
        for (const one of [...schemas, ...parameters.map(({ schema: of }) => of)]) {
          const { $ref } = one;
          if (typeof $ref === 'string')
            expect(Object.keys(components.schemas).map((name) => `#/components/schemas/${name}`)).toContain($ref);
          else ajv.compile(one);
        }
      }
  });

  it('is what is answered', async () => {
    const rig = await startApi();
    const { paths, components } = await read(rig);
    const ajv = new Ajv2020({ strict: true, formats: { 'date-time': true } });
    const fits = (path: string, method: 'get' | 'post', status: string, answer: unknown): void => {
      const of = paths[path]?.[method]?.responses[status]?.content?.['application/json']?.schema;
      const check = ajv.compile(of?.['$ref'] === undefined ? (of ?? false) : (components.schemas['Error'] ?? false));
      expect(check(answer), `${path} ${ajv.errorsText(check.errors)} ${JSON.stringify(answer)}`).toBe(true);
    };
    rig.records.runs = [record({}), record({ status: 'running', ended_at: null })];
    const { workflow_id, status, started_at, ended_at } = record({});
    const lastRun = { workflow_id, status, started_at, ended_at };
    rig.records.datasets.push({ name: 'z', description: undefined, lastRun, freshAt: started_at });
    const started = await rig.start({}, { 'idempotency-key': 'a' });
    fits('/v1/datasets/{name}/runs', 'post', '202', started.json());
    fits('/v1/datasets/{name}/runs', 'post', '200', (await rig.start({}, { 'idempotency-key': 'a' })).json());
    const reused = await rig.start({ full: true }, { 'idempotency-key': 'a' });
    fits('/v1/datasets/{name}/runs', 'post', 'default', reused.json());
    fits('/v1/datasets/{name}/runs', 'get', '200', (await rig.get('/v1/datasets/orders/runs')).json());
    fits('/v1/datasets', 'get', '200', (await rig.get('/v1/datasets')).json());
    fits('/v1/runs/{id}', 'get', '200', (await rig.get('/v1/runs/dataset/orders/api/a')).json());
    rig.runs.run('dataset/orders/api/a', { status: 'terminated', counts: undefined, endedAt: new Date() });
    fits('/v1/runs/{id}', 'get', '200', (await rig.get('/v1/runs/dataset/orders/api/a')).json());
    fits('/v1/runs/{id}', 'get', 'default', (await rig.get('/v1/runs/none')).json());
  });
});
