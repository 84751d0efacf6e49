import { once } from 'node:events';
import { createServer } from 'node:http';
import { availableParallelism } from 'node:os';
import { apply, DATASET_ROLES, drop, rowsOf, runToEnd, withDatasets } from './datasets.mjs';
import { median, withFolder, withStack } from './measure.mjs';

const RATE = 20;
const DATASETS = 3;
const PAGES = 200;
const RECORDS = 100;
const SETTINGS = { PENSTOCK_LOG_LEVEL: 'warn', PENSTOCK_INGEST_ALLOW_PRIVATE: '127.0.0.0/8' };

/**
 * Pages that runs of several datasets at once ask one host for, against the rate that their manifests allow it; and the
 * most requests that the host sees begin in any second. Both are counted at the server, by when requests arrive.
 */
export async function datasetApi({ repeats, say }) {
  const rounds = [];
  await withFolder((dataDir) =>
    withStack({ dataDir, roles: DATASET_ROLES, environment: SETTINGS }, (stack) =>
      withDatasets(stack, async (datasets) => {
        const api = await startApi();
        for (let repeat = 0; repeat < repeats; repeat += 1) {
          const round = await pagesOf(datasets, api, repeat);
          say(`${round.rate.toFixed(2)} pages/s of ${RATE}, at most ${round.most} in a second`);
          rounds.push(round);
        }
        api.close();
      }),
    ),
  );
  const value = median(rounds.map(({ rate }) => rate));
  const most = Math.max(...rounds.map((round) => round.most));
  return {
    ...{ name: 'dataset.api', unit: 'pages/s', value, baseline: RATE, ratio: value / RATE, repeats },
    note: `${DATASETS} runs at once of ${PAGES} pages each at one host that allows ${RATE} requests/s, everything on ${availableParallelism()} cores; at most ${most} requests in any second, as the server saw them`,
  };
}

async function pagesOf(datasets, api, round) {
  const names = Array.from({ length: DATASETS }, (_, index) => `pages_${round}_${index}`);
  await apply(
    datasets,
    names.map((name) => manifest(name, api.url)),
  );
  api.arrivals.length = 0;
  await Promise.all(names.map((name) => runToEnd(datasets, name)));
  for (const name of names) {
    const rows = await rowsOf(datasets, name);
    if (rows !== PAGES * RECORDS) throw new Error(`${name} has ${rows} rows of ${PAGES * RECORDS}`);
    await drop(datasets, name);
  }
  const { arrivals } = api;
  if (arrivals.length !== DATASETS * PAGES)
    throw new Error(`${arrivals.length} requests for ${DATASETS * PAGES} pages`);
  const seconds = (arrivals.at(-1) - arrivals[0]) / 1_000;
  return { rate: (arrivals.length - 1) / seconds, most: mostInASecond(arrivals) };
}

/** Most arrivals in a second that begins with one of them. */
function mostInASecond(arrivals) {
  let most = 0;
  for (let first = 0, behind = 0; first < arrivals.length; first += 1) {
    while (behind < arrivals.length && arrivals[behind] < arrivals[first] + 1_000) behind += 1;
    most = Math.max(most, behind - first);
  }
  return most;
}

async function startApi() {
  const arrivals = [];
  const server = createServer((request, response) => {
    arrivals.push(performance.now());
    const page = Number(new URL(request.url, 'http://api').searchParams.get('page'));
    const records = page > PAGES ? [] : Array.from({ length: RECORDS }, (_, index) => record(page * RECORDS + index));
    response.setHeader('content-type', 'application/json');
    const next = page < PAGES ? `/v1/orders?page=${page + 1}` : null;
    response.end(JSON.stringify({ data: records, next }));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { arrivals, url: `http://127.0.0.1:${server.address().port}/v1/orders?page=1`, close: () => server.close() };
}

function record(id) {
  return { id, customer: `C${id % 1_000}`, amount: ((id * 131) % 100_000) / 100, at: '2026-11-29T12:00:00Z' };
}

function manifest(name, url) {
  return `version: penstock/v1
name: ${name}
source:
  type: http
  url: ${url}
  records: data
  pagination: { type: next-link, next: next }
  requestsPerSecond: ${RATE}
format: { type: json }
columns:
  - { name: id, type: UInt64 }
  - { name: customer, type: String, clean: [trim] }
  - { name: amount, type: 'Decimal(18, 2)' }
  - { name: at, type: DateTime('UTC') }
target: { mode: append, key: [id], orderBy: [id] }
`;
}
