import type BetterSqlite3 from 'better-sqlite3';
import type { CacheInputMode, ReportedTokens } from '../contract/event.ts';
import { hashText } from '../usage/event-hash.ts';
import { hash64Of } from './event-row.ts';
import {
  reportedOf,
  STORED_HASH_SELECT,
  storedHash,
  type CountersRow,
  type StoredEventRow,
  type StoredHashRow,
} from './stored-event.ts';
import type { Db } from './sqlite.ts';

/** An event of ours that is one of an old volume. */
export interface MatchedEvent {
  readonly id: number;
  readonly reported: ReportedTokens;
}

const COLUMNS =
  'id, profile_id, flags, uncached_input, cache_read, cache_write_5m, cache_write_1h, output, reasoning, ' +
  'reported_input, reported_output, reported_reasoning, reported_cached, reported_cache, reported_cache_read, ' +
  'reported_cache_creation, reported_total';
type Row = CountersRow & Pick<StoredEventRow, 'id'> & { readonly profile_id: number };

/** Finds events of ours by time and hash, which is how it is known which of them came from an old volume. */
export class EventMatcher {
  readonly #find: BetterSqlite3.Statement<[number, bigint], Row>;
  readonly #hash: BetterSqlite3.Statement<[number], StoredHashRow>;
  readonly #separate: BetterSqlite3.Statement<[number], number>;
  /** By profile. A join for each event takes ten times as long as the event. */
  readonly #modes = new Map<number, CacheInputMode>();
  readonly #claimed = new IdSet();

  constructor(db: Db) {
    this.#find = db.prepare(`SELECT ${COLUMNS} FROM event WHERE timestamp_ms = ? AND hash64 = ?`);
    this.#separate = db
      .prepare<[number], number>('SELECT cache_separate FROM call_profile WHERE id = ?')
      .pluck();
    this.#hash = db.prepare(`${STORED_HASH_SELECT} WHERE e.id = ?`);
  }

  /** Null where no such event is here. */
  find(timestampMs: number, hash: string): MatchedEvent | null {
    const rows = this.#find.all(timestampMs, hash64Of(hash, hashText));
    const [first] = rows;
    if (first === undefined) return null;
    // One with the same millisecond and the same 64 bits is the same; of several the whole hash tells which.
    const row = rows.length === 1 ? first : rows.find(({ id }) => this.#isOf(id, hash));
    if (row === undefined) return null;
    return { id: row.id, reported: reportedOf(row, this.#mode(row.profile_id)) };
  }

  /** Whether it is the first time that this event is found. */
  claim(id: number): boolean {
    return this.#claimed.add(id);
  }

  #mode(profileId: number): CacheInputMode {
    let mode = this.#modes.get(profileId);
    if (mode === undefined) {
      mode = this.#separate.get(profileId) === 1 ? 'separate_from_input' : 'included_in_input';
      this.#modes.set(profileId, mode);
    }
    return mode;
  }

  #isOf(id: number, hash: string): boolean {
    const row = this.#hash.get(id);
    return row !== undefined && storedHash(row) === hash;
  }
}

/** How many dead letters of an old database are among ours, told by the millisecond that they came in. */
export function lettersHere(old: Db, db: Db): number {
  const ours = db
    .prepare<[number], number>('SELECT count(*) FROM dead_letter WHERE received_at_ms = ?')
    .pluck();
  const theirs = old.prepare<[], { at: unknown; letters: number }>(
    'SELECT created_at_ms AS at, count(*) AS letters FROM dead_letter_events GROUP BY created_at_ms',
  );
  let here = 0;
  try {
    for (const { at, letters } of theirs.iterate()) {
      if (typeof at === 'number' && Number.isSafeInteger(at)) here += Math.min(letters, ours.get(at) ?? 0);
    }
  } catch {
    // A damaged page: what was counted until then is here.
  }
  return here;
}

/** A set of row ids, one bit each: they lie close together. */
class IdSet {
  #bits = new Uint8Array(1024);

  /** Whether it was not in there. */
  add(id: number): boolean {
    const at = Math.floor(id / 8);
    if (at >= this.#bits.length) {
      const bits = new Uint8Array(2 * (at + 1));
      bits.set(this.#bits);
      this.#bits = bits;
    }
    const bit = 1 << (id % 8);
    const byte = this.#bits[at] ?? 0;
    this.#bits[at] = byte | bit;
    return (byte & bit) === 0;
  }
}
