import type BetterSqlite3 from 'better-sqlite3';
import type { TakeoverMark } from '../contract/takeover.ts';
import type { EventImport, ImportStep } from './event-import.ts';
import type { Db } from './sqlite.ts';

/** How far one old volume has been copied. */
export interface TakeoverState {
  /** Rowid of the last old event that was dealt with. */
  readonly position: number;
  /** Hash of the last event that was handed in; `''` before the first. */
  readonly positionHash: string;
  readonly added: number;
  /** Events that were here before. */
  readonly duplicates: number;
  readonly refused: number;
  /** Events that were taken without what of them lies on damaged pages. */
  readonly shortened: number;
  /** Epoch ms. */
  readonly startedAtMs: number;
  /** Null until everything was looked at. */
  readonly endedAtMs: number | null;
}

/** Null for a volume that nothing was copied of. */
export function readTakeover(db: Db, source: string): TakeoverState | null {
  return (
    db
      .prepare<[string], TakeoverState>(
        `SELECT position, position_hash AS positionHash, added, duplicates, refused, shortened, started_at_ms AS startedAtMs,
           ended_at_ms AS endedAtMs
         FROM takeover WHERE source = ?`,
      )
      .get(source) ?? null
  );
}

/** Moves the position of a copy, in the transaction that stores its events. */
export class TakeoverPositions {
  readonly #save: BetterSqlite3.Statement<Array<string | number | null>>;
  readonly #forget: BetterSqlite3.Statement<[string]>;

  constructor(db: Db) {
    this.#forget = db.prepare('DELETE FROM takeover WHERE source = ?');
    this.#save = db.prepare(
      `INSERT INTO takeover (source, position, position_hash, added, duplicates, refused, shortened, started_at_ms,
         ended_at_ms)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (source) DO UPDATE SET position = excluded.position,
         position_hash = CASE excluded.position_hash WHEN '' THEN position_hash ELSE excluded.position_hash END,
         added = added + excluded.added, duplicates = duplicates + excluded.duplicates,
         refused = refused + excluded.refused, shortened = shortened + excluded.shortened, ended_at_ms = excluded.ended_at_ms`,
    );
  }

  /** After a step that stored the rows of a batch before `step.next`. */
  advance(
    mark: TakeoverMark,
    { rows, hashes }: Pick<EventImport, 'rows' | 'hashes'>,
    step: ImportStep,
    nowMs: number,
  ): void {
    const { added, duplicates, refused } = step;
    const before = step.next - (added + duplicates + refused);
    if (mark.begin && before === 0) this.#forget.run(mark.source);
    const done = step.next >= rows;
    const position = done ? mark.last : (mark.ids[step.next - 1] ?? 0);
    const hash = hashes[step.next - 1] ?? '';
    const ended = done && mark.end ? nowMs : null;
    const after = before === 0 ? 0 : (mark.ids[before - 1] ?? 0);
    const shortened = mark.shortened.filter((id) => id > after && id <= position).length;
    this.#save.run(mark.source, position, hash, added, duplicates, refused, shortened, nowMs, ended);
  }
}
