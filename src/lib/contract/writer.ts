import type { Position } from './inbox.ts';
import type { RawRecord } from './record.ts';
import type { GapCause } from './transport.ts';

/** What one commit did. Every record handed in is in exactly one of the four counts. */
export interface CommitResult {
  readonly inserted: number;
  readonly duplicates: number;
  readonly deadLetters: number;
  /** Control messages such as `{"refresh":true}`. */
  readonly controls: number;
  /** The gateway said `{"refresh":true}`: credentials changed. */
  readonly refresh: boolean;
  /** Highest event id in the store, 0 when empty. */
  readonly lastId: number;
  /** Lowest id of the inserted events, 0 without any. From there to `lastId` are the events of this commit alone. */
  readonly firstId: number;
  /** Revision of `events` that this commit made, 0 when it inserted nothing: any other one was made by somebody else. */
  readonly eventsRevision: number;
}

/** Where collecting from one gateway stands. Must survive a kill. */
export interface ContactState {
  readonly gatewayId: number;
  /** Epoch ms up to which all that the gateway had for us has arrived. */
  readonly lastContactMs: number | null;
  /** The gateway's retention in seconds when last seen; null when never. */
  readonly retentionSeconds: number | null;
  /** Epoch ms at which a process was last seen at work; written before it takes the first record. */
  readonly aliveMs: number | null;
  /** A clean stop wrote this; a start clears it. Null after a kill. */
  readonly cleanStopMs: number | null;
}

export interface GapOpen {
  readonly gatewayId: number;
  readonly fromMs: number;
  readonly toMs: number | null;
  readonly cause: GapCause;
  readonly estimate: number | null;
  readonly detail: string;
}

/** A login of a browser, as it is stored. The token itself is not: only its SHA-256. */
export interface StoredSession {
  /** 32 bytes. */
  readonly tokenHash: Uint8Array;
  /** Revision of the admin credential that it was given for. */
  readonly credential: string;
  /** Epoch ms. */
  readonly createdAtMs: number;
  readonly expiresAtMs: number;
  /** To the hour. */
  readonly lastUsedMs: number;
}

/**
 * The only writer of a daemon's database. It lives in a worker thread; each method is one message there and one
 * back. A method rejects with an `AppError` (`database_locked`, `disk_full`, `database_failed`); nothing is half done.
 */
export interface Writer {
  /**
   * Normalises, prices and stores the records and moves the inbox position to `position`, all in one transaction.
   * Handing the same records in again changes nothing.
   */
  commit(records: readonly RawRecord[], position: Position | null): Promise<CommitResult>;
  /** The id of the gateway with this normalised base URL; makes it on first sight. */
  gateway(baseUrl: string): Promise<number>;
  openGap(gap: GapOpen): Promise<number>;
  closeGap(id: number, toMs: number, estimate: number | null): Promise<void>;
  saveContact(state: ContactState): Promise<void>;
  /** Writes settings rows; `null` deletes one. All or none. */
  saveSettings(rows: ReadonlyMap<string, string | null>): Promise<void>;
  /** Adds a session, and removes those that it finds expired or of another credential. */
  saveSession(session: StoredSession): Promise<void>;
  /** Moves the end of a session; changes nothing when there is no such session any more. */
  touchSession(tokenHash: Uint8Array, lastUsedMs: number, expiresAtMs: number): Promise<void>;
  /** Without such a session nothing happens. */
  endSession(tokenHash: Uint8Array): Promise<void>;
  /** Removes all sessions that have expired at `nowMs`, or were given for another credential. */
  pruneSessions(credential: string, nowMs: number): Promise<void>;
  /** Finishes what was asked, checkpoints, closes the database. */
  close(): Promise<void>;
}

/** What one model's events of an import add up to. */
export interface ImportedSums {
  readonly model: string;
  readonly calls: number;
  readonly failed: number;
  /** Tokens, each counted once; `output` holds `reasoning`. */
  readonly uncachedInput: number;
  readonly cacheRead: number;
  readonly cacheWrite: number;
  readonly output: number;
  readonly reasoning: number;
  /** Nano-USD. */
  readonly cost: number;
  /** Calls without a price. */
  readonly unpriced: number;
}

/** What became of a batch of imported events. Every row is in exactly one of the first three counts. */
export interface ImportOutcome {
  readonly added: number;
  readonly duplicates: number;
  /** Rows that the database refused to hold; nothing foreseen is. */
  readonly refused: number;
  /** Of the added events, by the name that people know the model by. */
  readonly sums: readonly ImportedSums[];
  /** Epoch ms of the earliest and the latest added event; null without any. */
  readonly fromMs: number | null;
  readonly toMs: number | null;
}

/** How much of the database's time an import may take. */
export interface ImportPace {
  /** A transaction ends after so many rows, or once it took so long. */
  readonly maxRows: number;
  readonly maxMs: number;
  /** Between two transactions nothing is written for half of the time that the one before took. */
  readonly pause: boolean;
}
