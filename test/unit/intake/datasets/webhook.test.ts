import { createHmac } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { documentedCheck, type WebhookCheck } from '../../../webhookCheck.js';

const SECRET = 'whsec-of-a-test';
const AT_MS = Date.parse('2026-01-31T12:00:00Z');
const BODY = Buffer.from('{"dataset":"orders","status":"published","failure":"ü"}');

let isFromPenstock: WebhookCheck;

beforeAll(async () => {
  isFromPenstock = await documentedCheck();
});

/** As src/datasets/run/webhook.ts signs. */
function sign(body: Buffer, secret = SECRET, atMs = AT_MS): string {
  const seconds = Math.floor(atMs / 1_000);
  const text = `${seconds}.${body.toString('utf8')}`;
  return `t=${seconds},v1=${createHmac('sha256', secret).update(text).digest('hex')}`;
}

describe('the documented check of a webhook', () => {
  it('takes what Penstock signed', () => {
    expect(isFromPenstock(BODY, sign(BODY), SECRET, AT_MS + 299_000)).toBe(true);
  });

  it.each<[string, Buffer, string]>([
    ['another body', Buffer.from(BODY.toString().replace('published', 'failed')), sign(BODY)],
    ['another secret', BODY, sign(BODY, 'whsec-of-another')],
    ['another time', BODY, sign(BODY).replace(/^t=\d+/, `t=${AT_MS / 1_000 + 1}`)],
    ['an old delivery', BODY, sign(BODY, SECRET, AT_MS - 301_000)],
    ['one of the future', BODY, sign(BODY, SECRET, AT_MS + 301_000)],
    ['no signature', BODY, ''],
    ['a short one', BODY, sign(BODY).slice(0, -2)],
  ])('refuses %s', (_name, body, signature) => {
    expect(isFromPenstock(body, signature, SECRET, AT_MS)).toBe(false);
  });
});
