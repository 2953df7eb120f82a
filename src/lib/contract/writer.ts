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
  /** Finishes what was asked, checkpoints, closes the database. */
  close(): Promise<void>;
}
