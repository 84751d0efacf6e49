import {
  asText,
  check,
  fateOf,
  int64,
  isoText,
  isoTime,
  required,
  uint64,
  type Landed,
  type LandedRow,
  type Rules,
  type World,
} from '../oracle/index.js';
import { at, isList, textOf, type Json, type JsonObject } from '../written/index.js';

const TYPES = ['view', 'click', 'search', 'purchase', 'crash'];
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const DAY_IN_MS = 86_400_000;

/** datasets/app_events.yaml. */
export const appEventRules: Rules<JsonObject> = {
  dataset: 'app_events',
  columns: [
    ...['event_type', 'occurred_at', 'event_id', 'user_id', 'session_id', 'os', 'server_ip', 'client_ip'],
    ...['duration_ms', 'is_test', 'tags', 'counters'],
  ],
  mode: 'append',
  key: ['event_type', 'occurred_at', 'event_id'],
  maxQuarantined: 0.2,
  land: (fields, world) => fateOf(() => event(fields, world)),
};

function event(fields: JsonObject, { hash }: World): LandedRow {
  const text = (...path: string[]): string | null => textOf(at(fields, ...path));
  const row = {
    event_type: required('event_type', text('type'), (value) => value.trim().toLowerCase()),
    occurred_at: required('occurred_at', text('ts'), (value) => {
      const ns = isoTime(value);
      return ns === undefined ? undefined : isoText(ns, 9);
    }),
    event_id: required('event_id', text('id'), uint64),
    user_id: required('user_id', text('user', 'id') ?? '0', int64),
    session_id: required('session_id', text('session', 'id'), uuid),
    os: required('os', text('device', 'os') ?? 'unknown', (value) => value.trim().toLowerCase()),
    server_ip: required('server_ip', text('server', 'ip'), asText),
    client_ip: required('client_ip', text('client', 'ip'), hash),
    duration_ms: required('duration_ms', text('duration') ?? '0', Number),
    is_test: (text('test') ?? 'false') === 'true',
    tags: list(at(fields, 'tags'), 'tags', asText),
    counters: list(at(fields, 'metrics', 'counters'), 'counters', int64),
  };
  check('shorter_than_a_day', row.duration_ms >= 0 && row.duration_ms < DAY_IN_MS);
  check('event_type', TYPES.includes(row.event_type));
  check('user_id', !row.user_id.startsWith('-'));
  return row;
}

function list(value: Json, column: string, read: (text: string) => string | undefined): readonly Landed[] {
  return isList(value) ? value.map((one) => required(column, textOf(one), read)) : [];
}

function uuid(text: string): string | undefined {
  const small = text.toLowerCase();
  return UUID.test(small) ? small : undefined;
}
