import { LOG_FIELDS } from '../telemetry/index.js';

/** docs/logs.md: the schema of what roles and verbs log. */
export function logsPage(header: string): string {
  const rows = Object.entries(LOG_FIELDS).map(([name, meaning]) => `| \`${name}\` | ${meaning} |`);
  return `${header}

# Logs

Every role writes one JSON object a line to stdout; on one machine it is in \`D/logs/<role>.log\` as well.
\`PENSTOCK_LOG_LEVEL\` says from which level on. All fields are those of this table, and the compiler holds the program to
it.

\`\`\`json
{"level":"warn","time":"2026-11-29T10:40:50.323Z","role":"detector","pid":23083,"child":23101,"stderr":"…","msg":"child wrote to stderr"}
\`\`\`

**Nothing secret.** Passwords, tokens, keys, cookies and authorization headers are never written, wherever they come from:
fields of such names are taken out, and every line is searched for what looks like one (signatures of URLs, tokens in a
query, passwords in an address, bearer and basic credentials, JSON Web Tokens, private keys). What a refused event
holds is not logged: it is in \`penstock.dead_letters\`, without its credentials.

**Not twice.** A stream of lines with the same \`msg\` is cut at fifty a second, those of refusals and of the Kafka client
at fewer; the next one says with \`suppressed\` how many were left out. \`debug\` and \`trace\` are written whole, and so is
\`fatal\`.

## Fields

| field | meaning |
| --- | --- |
${rows.join('\n')}

## Where they go

A collector ships them, never a role: what is wrong with ClickHouse has to be told where ClickHouse is not needed. [deploy/vector](../deploy/vector/vector.yaml)
has the configuration of [Vector](https://vector.dev) for \`penstock.logs\` (30 days; in the compose file with
\`docker-compose.observability.yml\`), and says what to change for Cloud Logging and Kubernetes. On Cloud Run stdout is
shipped already.

| column of \`penstock.logs\` | from |
| --- | --- |
| \`time\`, \`level\`, \`role\`, \`pid\`, \`msg\` | the field of that name |
| \`host\` | where the collector found it |
| \`event_id\`, \`batch_id\`, \`image\` | \`eventId\`, \`batchId\`, \`image\` |
| \`error\` | \`err.message\` |
| \`line\` | the whole line |

\`\`\`sql
SELECT time, role, level, msg, error FROM penstock.logs
WHERE image = 'gs://uploads/cameras/1.jpg#1764412850323' ORDER BY time
\`\`\`
`;
}
