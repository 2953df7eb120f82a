import type { TakeoverMark } from '../contract/takeover.ts';
import type { ImportOutcome } from '../contract/writer.ts';
import { EventBatcher, type EventBatch } from '../store/event-batch.ts';
import { addOutcomes, NOTHING_IMPORTED } from '../store/import-outcome.ts';
import { addLost, type LostRows, type OldBatch, type OldEvents } from '../store/old/events.ts';
import type { OldLetter, OldLetters } from '../store/old/tables.ts';
import type { TakeoverState } from '../store/takeover-state.ts';
import { addTo } from '../transfer/import/parse-block.ts';
import { integer } from '../usage/readers.ts';
import { oldEvent } from './map-event.ts';

/** How far a copy is, in events of the old volume. */
export interface CopyProgress {
  readonly done: number;
  readonly total: number;
}

/** A record that an older program could not read, to be looked at again. */
export interface CarriedLetter {
  readonly payload: Uint8Array;
  /** Epoch ms. */
  readonly receivedAtMs: number;
  /** Bytes of the whole record where only its start is here. */
  readonly truncatedFrom: number | null;
}

export interface CopyParts {
  readonly events: Pick<OldEvents, 'count' | 'read' | 'hasHash'>;
  readonly letters: Pick<OldLetters, 'count'> & Iterable<OldLetter>;
  /** What the old volume is called: its position is kept under this name. */
  readonly source: string;
  /** Base URL of the gateway that its events came from; `''`: unknown. */
  readonly gateway: string;
  /** Epoch ms: when events were received whose row does not say it. */
  readonly nowMs: number;
  /** How far an earlier copy came; null: none began. */
  readonly state: TakeoverState | null;
  readonly batchRows: number;
  /** Stores a batch with its mark. */
  readonly store: (batch: EventBatch, mark: TakeoverMark) => Promise<ImportOutcome>;
  readonly storeLetters: (letters: readonly CarriedLetter[]) => Promise<void>;
  readonly onProgress?: (progress: CopyProgress) => void;
  /** Ends the copy early; it can be taken up again. */
  readonly signal?: AbortSignal;
}

/** What one run of a copy did. */
export interface CopyResult {
  /** Of this run. */
  readonly outcome: ImportOutcome;
  /** Rows of this run that are no event. */
  readonly rejected: number;
  readonly lost: readonly LostRows[];
  /** Rows that were taken without what of them lies on damaged pages: a text, the record they keep. */
  readonly shortened: number;
  readonly letters: number;
  /** Ended by the signal. */
  readonly aborted: boolean;
}

const MOST_CHARACTERS = 8 * 1024 * 1024;
/** Longer records become dead letters of which only the start is kept. */
const LONGEST_RECORD = 8 * 1024 * 1024;
const KEPT_OF_LONG = 64 * 1024;
const LETTERS_AT_ONCE = 100;
const LETTER_BYTES_AT_ONCE = 4 * 1024 * 1024;

/**
 * Copies the events of an old volume by their rowids, in batches, then its dead letters. Each event is there once,
 * however often it is tried; after a kill it goes on where it stood. Rejects with what `store` rejects with; what was
 * stored until then stays.
 */
export async function copyVolume(parts: CopyParts): Promise<CopyResult> {
  return new Copy(parts).run();
}

class Copy {
  readonly #parts: CopyParts;
  readonly #batcher = new EventBatcher();
  readonly #lost: LostRows[] = [];
  #outcome: ImportOutcome = NOTHING_IMPORTED;
  /** The batch that is being stored while the next one is made. */
  #underWay: Promise<void> = Promise.resolve();
  #failure: { readonly error: unknown } | null = null;
  #rejected = 0;
  #shortened = 0;
  #done = 0;

  constructor(parts: CopyParts) {
    this.#parts = parts;
  }

  async run(): Promise<CopyResult> {
    const { events, onProgress, signal } = this.#parts;
    const total = events.count;
    const goesOn = this.#goesOn();
    let begin = goesOn === null;
    let last = goesOn?.position ?? 0;
    this.#done = goesOn === null ? 0 : goesOn.added + goesOn.duplicates + goesOn.refused;
    const tell = (): void => onProgress?.({ done: Math.min(this.#done, total), total });
    tell();
    for (let end = false; !end;) {
      if (signal?.aborted) break;
      const read = events.read(last, { rows: this.#parts.batchRows, characters: MOST_CHARACTERS });
      ({ last, end } = read);
      await this.#send(read, begin);
      begin = false;
      tell();
      // Else nobody could say stop while batches are made quicker than they are stored.
      await new Promise(setImmediate);
    }
    await this.#settled();
    tell();
    const letters = signal?.aborted ? 0 : await this.#copyLetters();
    return {
      outcome: this.#outcome,
      rejected: this.#rejected,
      lost: this.#lost,
      shortened: this.#shortened,
      letters,
      aborted: signal?.aborted ?? false,
    };
  }

  /** Where an earlier copy stopped, if it was one of this file: another one may have been put in its place. */
  #goesOn(): TakeoverState | null {
    const { state, events } = this.#parts;
    if (state === null) return null;
    return events.hasHash(state.positionHash, state.position) ? state : null;
  }

  async #send(read: OldBatch, begin: boolean): Promise<void> {
    const { source, gateway, nowMs } = this.#parts;
    const ids: number[] = [];
    for (const row of read.rows) {
      const mapped = oldEvent(row, { nowMs });
      const isAdded = mapped.kind === 'event' && addTo(this.#batcher, mapped.imported, gateway) === null;
      if (isAdded) ids.push(row.id);
      else this.#rejected += 1;
    }
    this.#shortened += read.shortened.length;
    for (const range of read.lost) addLost(this.#lost, range);
    const mark = { source, begin, ids, shortened: read.shortened, last: read.last, end: read.end };
    const batch = this.#batcher.take();
    // One after the other: a position must never stand behind events that are not stored.
    await this.#settled();
    this.#underWay = this.#store(batch, mark, read.rows.length);
  }

  /** Never rejects: nobody waits for it yet. */
  async #store(batch: EventBatch, mark: TakeoverMark, rows: number): Promise<void> {
    try {
      this.#outcome = addOutcomes(this.#outcome, await this.#parts.store(batch, mark));
      this.#done += rows;
    } catch (error) {
      this.#failure ??= { error };
    }
  }

  async #settled(): Promise<void> {
    await this.#underWay;
    if (this.#failure !== null) throw this.#failure.error;
  }

  async #copyLetters(): Promise<number> {
    const { letters, storeLetters, nowMs, signal } = this.#parts;
    let waiting: CarriedLetter[] = [];
    let bytes = 0;
    let count = 0;
    for (const letter of letters) {
      if (signal?.aborted) break;
      const carried = carriedLetter(letter, nowMs);
      waiting.push(carried);
      bytes += carried.payload.length;
      count += 1;
      if (waiting.length < LETTERS_AT_ONCE && bytes < LETTER_BYTES_AT_ONCE) continue;
      await storeLetters(waiting);
      waiting = [];
      bytes = 0;
    }
    if (waiting.length > 0) await storeLetters(waiting);
    return count;
  }
}

function carriedLetter({ payload, createdAtMs }: OldLetter, nowMs: number): CarriedLetter {
  const bytes =
    payload instanceof Uint8Array ? payload : Buffer.from(typeof payload === 'string' ? payload : '');
  const at = Number(integer(createdAtMs));
  const isLong = bytes.length > LONGEST_RECORD;
  return {
    // A copy of its own: it goes to another thread.
    payload: Uint8Array.from(isLong ? bytes.subarray(0, KEPT_OF_LONG) : bytes),
    receivedAtMs: Number.isSafeInteger(at) && at > 0 ? at : nowMs,
    truncatedFrom: isLong ? bytes.length : null,
  };
}
