import { clickHouseTime } from './counts.js';
import { DEAD_LETTER_DECISIONS, deadLetterDecisionRow, type DeadLetterDecision } from './rows.js';
import type { Warehouse } from './warehouse.js';

/** `open`: nobody has decided about it. */
export type LetterState = 'open' | DeadLetterDecision['decision'];

/** Which letters are meant; what is left out is not asked for. */
export interface LetterFilter {
  ids?: readonly string[];
  state?: LetterState;
  /** Who refused it: intake, dispatcher or sink. */
  source?: string;
  reason?: string;
  /** Topic that its record was read from. */
  topic?: string;
  /** Received at this time or later, milliseconds since the epoch. */
  sinceMs?: number;
}

/** Where a page of letters begins: after this one. */
export interface LetterPlace {
  receivedAtMs: number;
  id: string;
}

/** A letter without its content. Times are ISO 8601. */
export interface LetterRow {
  id: string;
  source: string;
  reason: string;
  detail: string;
  origin: string;
  received_at: string;
  stored_at: string;
  state: LetterState;
}

/** A letter whole. */
export interface WholeLetter extends LetterRow {
  payload: string;
  payload_encoding: 'utf8' | 'base64';
  payload_truncated: boolean;
  record_key: string | null;
  headers: Record<string, string>;
}

/** A decision as it is stored. Times are ISO 8601. */
export interface DecisionRow {
  decision: DeadLetterDecision['decision'];
  decided_at: string;
  who: string;
  why: string;
}

const ROW = ['id', 'source', 'reason', 'detail', 'origin', 'received_at', 'stored_at'];
const CONTENT = ['payload', 'payload_encoding', 'payload_truncated', 'record_key', 'headers'];

/** Letters, the latest first, of the same time by id; at most `limit`. */
export function listLetters(
  warehouse: Warehouse,
  filter: LetterFilter,
  page: { limit: number; after?: LetterPlace | undefined },
): Promise<LetterRow[]> {
  return select<LetterRow>(warehouse, ROW, filter, page);
}

/** The same, whole: each may have 64 KiB, so ask for few. */
export function wholeLetters(
  warehouse: Warehouse,
  filter: LetterFilter,
  page: { limit: number; after?: LetterPlace | undefined },
): Promise<WholeLetter[]> {
  return select<WholeLetter>(warehouse, [...ROW, ...CONTENT], filter, page);
}

function select<Row>(
  warehouse: Warehouse,
  columns: readonly string[],
  filter: LetterFilter,
  { limit, after }: { limit: number; after?: LetterPlace | undefined },
): Promise<Row[]> {
  const { ids, state, source, reason, topic, sinceMs } = filter;
  const conditions = [
    ...(ids === undefined ? [] : ['letter.id IN {ids:Array(String)}']),
    ...(state === undefined ? [] : [`${STATE} = {state:String}`]),
    ...(source === undefined ? [] : ['letter.source = {source:String}']),
    ...(reason === undefined ? [] : ['letter.reason = {reason:String}']),
    ...(topic === undefined ? [] : ['startsWith(letter.origin, {origin:String})']),
    ...(sinceMs === undefined ? [] : ["letter.received_at >= {since:DateTime64(3, 'UTC')}"]),
    ...(after === undefined
      ? []
      : ["(letter.received_at, letter.id) < ({afterTime:DateTime64(3, 'UTC')}, {afterId:String})"]),
  ];
  return warehouse.query<Row>(
    `SELECT ${columns.map((column) => `letter.${column} AS ${column}`).join(', ')}, ${STATE} AS state
     FROM dead_letters AS letter
     LEFT JOIN (
       SELECT letter_id, argMax(decision, decided_at) AS decision FROM dead_letter_decisions GROUP BY letter_id
     ) AS decided ON decided.letter_id = letter.id
     WHERE ${conditions.join(' AND ') || 'true'}
     ORDER BY letter.received_at DESC, letter.id DESC LIMIT {limit:UInt32}`,
    {
      ...{ ids: ids ?? [], state: state ?? '', source: source ?? '', reason: reason ?? '', origin: `${topic ?? ''}/` },
      ...{ since: clickHouseTime(new Date(sinceMs ?? 0)), limit },
      ...{ afterTime: clickHouseTime(new Date(after?.receivedAtMs ?? 0)), afterId: after?.id ?? '' },
    },
  );
}

/** A letter that no decision was joined to has an empty one. */
const STATE = `if(decided.decision = '', 'open', toString(decided.decision))`;

/** What was decided about a letter, the latest first; at most 100. */
export function decisionsOf(warehouse: Warehouse, letterId: string): Promise<DecisionRow[]> {
  return warehouse.query<DecisionRow>(
    `SELECT decision, decided_at, who, why FROM dead_letter_decisions
     WHERE letter_id = {letterId:String} ORDER BY decided_at DESC LIMIT 100`,
    { letterId },
  );
}

/** Writes decisions. One that is written twice is one. */
export async function recordDecisions(
  warehouse: Warehouse,
  decisions: readonly DeadLetterDecision[],
  timeoutMs: number,
): Promise<void> {
  if (decisions.length === 0) return;
  await warehouse.insert({ ...DEAD_LETTER_DECISIONS, rows: decisions.map(deadLetterDecisionRow), timeoutMs });
}

/** Condition on `dead_letters`: nobody has decided about it. */
export const LETTER_IS_OPEN = 'id NOT IN (SELECT letter_id FROM dead_letter_decisions)';
