import fs from 'node:fs';
import type BetterSqlite3 from 'better-sqlite3';
import { JOURNAL_SIZE_LIMIT } from './open.ts';
import type { Db } from './sqlite.ts';

/** With nothing to write for this long, the log is brought into the database file. */
const IDLE_MS = 300;
/** With more pages than this waiting in the log (16 MiB) a checkpoint does not wait for idle time. */
const MOST_PAGES = 4096;

/** Pages in the log, and how many of them are in the database file already. */
interface LogState {
  readonly log: number;
  readonly checkpointed: number;
}

/** Brings the write-ahead log back into the database: in idle time, or when it grows without one. */
export class Checkpoints {
  readonly #db: Db;
  readonly #walPath: string;
  readonly #state: BetterSqlite3.Statement<[], LogState>;
  #timer: NodeJS.Timeout | null = null;

  constructor(db: Db) {
    this.#db = db;
    this.#walPath = `${db.name}-wal`;
    this.#state = db.prepare<[], LogState>('PRAGMA wal_checkpoint(NOOP)');
  }

  /** After each write. `idle`: nothing else waits. */
  written(idle: boolean): void {
    this.stop();
    if (idle) {
      this.#timer = setTimeout(() => this.#idle(), IDLE_MS);
      this.#timer.unref();
    }
    if (this.#waitingPages() > MOST_PAGES) this.#quietly('PASSIVE');
  }

  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  #waitingPages(): number {
    try {
      const state = this.#state.get();
      return state ? state.log - state.checkpointed : 0;
    } catch {
      return 0;
    }
  }

  #idle(): void {
    this.#quietly('PASSIVE');
    // A reader that stood still for long kept the log from starting anew, so it outgrew its limit. Cutting it back
    // waits for readers, as long as the busy timeout.
    const bytes = fs.statSync(this.#walPath, { throwIfNoEntry: false })?.size ?? 0;
    if (bytes > JOURNAL_SIZE_LIMIT) this.#quietly('TRUNCATE');
  }

  #quietly(mode: 'PASSIVE' | 'TRUNCATE'): void {
    try {
      this.#db.pragma(`wal_checkpoint(${mode})`);
    } catch {
      // The next write meets the same trouble and says so; nothing is lost, the log keeps the rows.
    }
  }
}
