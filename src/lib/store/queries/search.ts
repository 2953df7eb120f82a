import { idConditions, SHORTEST_PREFIX, type Condition } from '../id-prefix.ts';
import type { Db } from '../sqlite.ts';
import { folded, matchingIds } from './dimension-ids.ts';
import type { Steps } from './index.ts';

interface Searched {
  readonly table: string;
  /** Columns in which the text may stand anywhere. */
  readonly parts: readonly string[];
  /** Columns that may begin with it. */
  readonly beginnings?: readonly string[];
  /** The condition on `e` (event) with the ids as a JSON array. */
  readonly sql: string;
}

const among = (column: string): string => `${column} IN (SELECT value FROM json_each(?))`;

const SEARCHED: readonly Searched[] = [
  { table: 'model', parts: ['name', 'requested', 'resolved'], sql: among('e.model_id') },
  { table: 'provider', parts: ['name'], sql: among('e.provider_id') },
  {
    table: 'call_profile',
    parts: ['executor_type', 'endpoint', 'method', 'path', 'reasoning_effort', 'service_tier'],
    sql: among('e.profile_id'),
  },
  {
    table: 'credential',
    parts: ['auth_index', 'source', 'account', 'label', 'file', 'auth_provider', 'project'],
    beginnings: ['source_hash'],
    sql: among('e.credential_id'),
  },
  { table: 'client_key', parts: [], beginnings: ['hash'], sql: among('e.client_key_id') },
  { table: 'user_agent', parts: ['text'], sql: among('e.user_agent_id') },
  { table: 'address', parts: ['client_ip', 'x_forwarded_for'], sql: among('e.address_id') },
  {
    table: 'response_kind',
    parts: ['quota_plan_type', 'error_kind', 'error_code'],
    sql: among('e.response_kind_id'),
  },
  {
    table: 'fail_text',
    parts: ['text'],
    sql: `EXISTS (SELECT 1 FROM event_extra s WHERE s.event_id = e.id AND ${among('s.fail_text_id')})`,
  },
];

/** What a text was found in, as far as a table was looked through. Rows of dimensions are for ever. */
interface Found {
  readonly ids: number[];
  upTo: number;
}

/** Whoever searches asks for page after page. */
const REMEMBERED = 4;
const remembered = new WeakMap<Db, Map<string, Map<string, Found>>>();

function foundBefore(db: Db, text: string): Map<string, Found> {
  const all = remembered.get(db) ?? new Map<string, Map<string, Found>>();
  remembered.set(db, all);
  const found = all.get(text) ?? new Map<string, Found>();
  // The one that was asked for last is the last to go.
  all.delete(text);
  all.set(text, found);
  for (const oldest of all.keys()) {
    if (all.size <= REMEMBERED) break;
    all.delete(oldest);
  }
  return found;
}

/** Ids of the client keys whose name has the text in it. Names change, so they are not remembered. */
function keysNamed(db: Db, text: string): number[] {
  return db
    .prepare<[], { id: number; alias: string }>(
      'SELECT k.id, a.alias FROM client_key_alias a JOIN client_key k ON k.hash = a.hash',
    )
    .all()
    .filter(({ alias }) => folded(alias).includes(text))
    .map(({ id }) => id);
}

/** The condition that finds a text; null: nothing can have it. Case does not matter. */
export function* searchCondition(db: Db, search: string): Steps<Condition | null> {
  const text = folded(search);
  const before = foundBefore(db, text);
  const conditions: Condition[] = [...idConditions(text)];
  for (const { table, parts, beginnings = [], sql } of SEARCHED) {
    if (parts.length === 0 && text.length < SHORTEST_PREFIX) continue;
    const known = before.get(table) ?? { ids: [], upTo: 0 };
    before.set(table, known);
    const matches = (texts: Readonly<Record<string, string>>): boolean =>
      parts.some((column) => folded(texts[column] ?? '').includes(text)) ||
      (text.length >= SHORTEST_PREFIX && beginnings.some((column) => (texts[column] ?? '').startsWith(text)));
    const more = yield* matchingIds(db, table, [...parts, ...beginnings], matches, known.upTo);
    // Two questions may look for the same text in turn: only what is behind the other's end is new.
    known.ids.push(...more.ids.filter((id) => id > known.upTo));
    known.upTo = Math.max(known.upTo, more.upTo);
    if (known.ids.length > 0) conditions.push({ sql, params: [JSON.stringify(known.ids)] });
  }
  const named = keysNamed(db, text);
  if (named.length > 0) conditions.push({ sql: among('e.client_key_id'), params: [JSON.stringify(named)] });
  if (conditions.length === 0) return null;
  return {
    sql: `(${conditions.map((condition) => condition.sql).join(' OR ')})`,
    params: conditions.flatMap((condition) => condition.params),
  };
}
