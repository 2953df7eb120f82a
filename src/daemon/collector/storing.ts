import type { Clock } from '../../lib/contract/clock.ts';
import type { Inbox, Position } from '../../lib/contract/inbox.ts';
import type { DiagnosisCode } from '../../lib/contract/transport.ts';
import type { CommitResult, Writer } from '../../lib/contract/writer.ts';
import type { ErrorCode } from '../../lib/errors.ts';
import type { HealthBoard } from '../health-board.ts';
import { pump } from './pump.ts';

export interface StoringOptions {
  readonly clock: Clock;
  readonly writer: Pick<Writer, 'commit'>;
  readonly inbox: Inbox;
  readonly board: HealthBoard;
  /** Position of the last stored frame. */
  readonly position: Position | null;
  /** The gateway said that its credentials changed. */
  readonly onRefresh: () => void;
  readonly onError: (error: unknown, what: string) => void;
}

/** How long after an error that is not the database's the spool is read again. */
const AGAIN_MS = 1_000;

/** Keeps the way from the spool into the store going, and says on the health board when it does not. */
export class Storing {
  readonly #options: StoringOptions;
  readonly #stopping = new AbortController();
  #running: Promise<void> | null = null;
  #trouble: DiagnosisCode | null = null;
  #lastError = '';
  #inserted = 0;
  #skipped = 0;
  #lastInsertedAt: number | null = null;

  constructor(options: StoringOptions) {
    this.#options = options;
  }

  /** Events stored since the start of the process. */
  get inserted(): number {
    return this.#inserted;
  }

  /** Records that had been stored before. */
  get skipped(): number {
    return this.#skipped;
  }

  /** Epoch ms, of this process. */
  get lastInsertedAt(): number | null {
    return this.#lastInsertedAt;
  }

  /** What is in the way, `''` when nothing is. */
  get lastError(): string {
    return this.#lastError;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Starts nothing new. What is under way may still be stored; {@link ended} tells when it is over. */
  stop(): void {
    this.#stopping.abort();
  }

  ended(): Promise<void> {
    return this.#running ?? Promise.resolve();
  }

  /** Says on the board what keeps us from writing; null: nothing does. */
  note(code: ErrorCode | null, detail: string): void {
    const { board } = this.#options;
    const reason = code === null ? null : reasonOf(code);
    if (this.#trouble && this.#trouble !== reason) board.clear(this.#trouble);
    this.#trouble = reason;
    this.#lastError = reason === null ? '' : detail;
    if (reason !== null) board.set(reason, { detail });
  }

  async #run(): Promise<void> {
    const { inbox, writer, clock, onError } = this.#options;
    const { signal } = this.#stopping;
    let from = this.#options.position;
    const onCommit = (result: CommitResult, position: Position): void => {
      from = position;
      this.#onCommit(result);
    };
    while (!signal.aborted) {
      try {
        const onTrouble = (code: ErrorCode | null, detail: string): void => this.note(code, detail);
        await pump({ inbox, writer, clock, from, onCommit, onTrouble }, signal);
      } catch (error) {
        onError(error, 'storing records');
        this.note('internal', error instanceof Error ? error.message : String(error));
        await clock.sleep(AGAIN_MS, signal);
      }
    }
  }

  #onCommit(result: CommitResult): void {
    if (this.#trouble !== null) this.note(null, '');
    this.#inserted += result.inserted;
    this.#skipped += result.duplicates;
    if (result.inserted > 0) this.#lastInsertedAt = this.#options.clock.now();
    if (result.refresh) this.#options.onRefresh();
  }
}

function reasonOf(code: ErrorCode): DiagnosisCode {
  return code === 'database_locked' || code === 'disk_full' ? code : 'not_storing';
}
