import type { Position } from '../contract/inbox.ts';
import type { PackedError } from './writer-protocol.ts';

/** What the process beside is asked for. */
export type SnapshotTask =
  /** Writes all that `from` holds at one moment into a new file. */
  | { readonly kind: 'copy'; readonly from: string; readonly to: string }
  /**
   * Proves a database that nobody else has open. `settle`: its log or journal is brought into it first, and indexes that
   * do not fit are made anew; the file alone holds everything then. Otherwise it is not changed.
   */
  | { readonly kind: 'prove'; readonly path: string; readonly settle: boolean }
  /** Ends every login that a database remembers which nobody else has open. */
  | { readonly kind: 'end-sessions'; readonly path: string };

/** What a proven database holds. */
export interface Proof {
  readonly schemaVersion: number;
  readonly databaseId: string;
  readonly events: number;
  readonly deadLetters: number;
  /** Up to where the spool is stored in it; `null`: nothing ever came through a spool. */
  readonly position: Position | null;
  readonly settings: Readonly<Record<string, string>>;
  /** Indexes had to be made anew. */
  readonly repaired: boolean;
}

export type SnapshotAnswer =
  | { readonly kind: 'copied' }
  | { readonly kind: 'ended' }
  | { readonly kind: 'proven'; readonly proof: Proof }
  /** The file is damaged; what SQLite first found wrong. */
  | { readonly kind: 'damaged'; readonly detail: string }
  | { readonly kind: 'failed'; readonly error: PackedError };
