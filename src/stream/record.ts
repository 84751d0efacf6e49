import type { KafkaMessage } from 'kafkajs';
import type { StreamRecord } from './types.js';

/** A record as the library reads it, in Penstock's terms. */
export function toRecord(message: KafkaMessage): StreamRecord {
  return {
    offset: BigInt(message.offset),
    key: message.key?.toString('utf8') ?? null,
    value: message.value ?? Buffer.alloc(0),
    timestampMs: Number(message.timestamp),
    ...headersOf(message),
  };
}

/** Of a name that comes twice the first counts. Most records have none. */
function headersOf({ headers }: KafkaMessage): Pick<StreamRecord, 'headers'> {
  const named = Object.entries(headers ?? {});
  if (named.length === 0) return {};
  const texts = named.map(([name, values]) => [name, String(Array.isArray(values) ? values[0] : (values ?? ''))]);
  return { headers: Object.fromEntries(texts) as Record<string, string> };
}
