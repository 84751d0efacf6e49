import { IMAGE_RESULTS_TOPIC } from '../domain/index.js';
import type { Slice, StreamRecord } from '../stream/index.js';
import { TRACE_HEADER } from '../tracing/index.js';
import { imageResultRecords, packedLength, packStrings, type Target } from '../warehouse/index.js';
import type { RecordSource } from './block.js';
import { sourceOf } from './rows.js';

/**
 * Records of a slice that go to ClickHouse as they came. Packed they are few objects, however many they are: a block
 * that waits would keep the garbage collector busy with each of its records.
 */
export interface Pack {
  target: Target;
  count: number;
  /** When the oldest of them was written to Kafka; milliseconds since the epoch. */
  oldestMs: number;
  /** The part of the insert's body. */
  data: Buffer;
  /** Aborts when the partition is lost. */
  signal: AbortSignal;
  /** Of the records that are traced. */
  traces: readonly string[];
  /** The records one by one, as they were. */
  sources: () => RecordSource[];
}

/**
 * Which topics go as they came, and into what. Results, of which there are most: ClickHouse checks them, and only those
 * of a block that it refuses are read by the schema of the message.
 */
export function topicsAsTheyCame(retentionDays: number): ReadonlyMap<string, Target> {
  return new Map([[IMAGE_RESULTS_TOPIC, imageResultRecords(retentionDays)]]);
}

export function packRecords(slice: Slice, records: readonly StreamRecord[], target: Target): Pack {
  const { topic, partition, signal } = slice;
  const data = packStrings(records.map(({ value }) => value));
  const lengths = Uint32Array.from(records, ({ value }) => value.length);
  const offsets = BigInt64Array.from(records, ({ offset }) => offset);
  const times = Float64Array.from(records, ({ timestampMs }) => timestampMs);
  const keys = records.map(({ key }) => key);
  const headers = new Map(records.flatMap((record, index) => (record.headers ? [[index, record.headers]] : [])));
  const sources = (): RecordSource[] => {
    let at = 0;
    return keys.map((key, index) => {
      const length = lengths[index] ?? 0;
      at += packedLength(length) - length;
      const value = data.subarray(at, at + length);
      at += length;
      const named = headers.get(index);
      return sourceOf(
        { topic, partition, signal },
        {
          ...{ offset: offsets[index] ?? 0n, key, value, timestampMs: times[index] ?? 0 },
          ...(named ? { headers: named } : {}),
        },
      );
    });
  };
  const traces = [...headers.values()].flatMap(({ [TRACE_HEADER]: trace }) => (trace === undefined ? [] : [trace]));
  const oldestMs = times.reduce((oldest, time) => Math.min(oldest, time), Infinity);
  return { target, count: records.length, oldestMs, data, signal, traces, sources };
}
