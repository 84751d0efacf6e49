import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

/** Whether a body came from Penstock. */
export type WebhookCheck = (body: Buffer, signature: string, secret: string, nowMs?: number) => boolean;

/** The check that docs/datasets-api.md has receivers of webhooks make, as it stands there. */
export async function documentedCheck(): Promise<WebhookCheck> {
  const folder = await mkdtemp(join(tmpdir(), 'penstock-webhook-'));
  try {
    const text = await readFile(new URL('../docs/datasets-api.md', import.meta.url), 'utf8');
    const [, code = ''] = /^```js\n([^]*?)^```$/m.exec(text) ?? [];
    const file = join(folder, 'verify.mjs');
    await writeFile(file, code);
    const { isFromPenstock } = (await import(pathToFileURL(file).href)) as { isFromPenstock: WebhookCheck };
    return isFromPenstock;
  } finally {
    await rm(folder, { recursive: true });
  }
}
