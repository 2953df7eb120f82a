import fs from 'node:fs';
import { JOURNAL_SIZE_LIMIT } from './open.ts';
import type { Db } from './sqlite.ts';

/** With nothing to write for this long, the log is brought into the database file. */
const IDLE_MS = 300;
/** Above this a checkpoint does not wait for idle time. */
const BUSY_BYTES = 16 * 1024 * 1024;

/** Brings the write-ahead log back into the database: in idle time, or when it grows without one. */
export class Checkpoints {
  readonly #db: Db;
  readonly #walPath: string;
  #timer: NodeJS.Timeout | null = null;

  constructor(db: Db) {
    this.#db = db;
    this.#walPath = `${db.name}-wal`;
  }

  /** After each write. `idle`: nothing else waits. */
  written(idle: boolean): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    if (idle) {
      this.#timer = setTimeout(() => this.#run(), IDLE_MS);
      this.#timer.unref();
    }
    if (this.#walBytes() > BUSY_BYTES) this.#run();
  }

  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  #run(): void {
    try {
      // A passive one waits for nobody. Truncating waits for readers (as long as the busy timeout), so only when
      // one of them has kept the log from starting anew.
      this.#db.pragma('wal_checkpoint(PASSIVE)');
      if (this.#walBytes() > JOURNAL_SIZE_LIMIT) this.#db.pragma('wal_checkpoint(TRUNCATE)');
    } catch {
      // The next write meets the same trouble and says so; nothing is lost, the log keeps the rows.
    }
  }

  #walBytes(): number {
    return fs.statSync(this.#walPath, { throwIfNoEntry: false })?.size ?? 0;
  }
}
