import type BetterSqlite3 from 'better-sqlite3';
import type { NormaliseContext, Normalised, UsageEvent } from '../contract/event.ts';
import { EventFlag } from '../contract/event.ts';
import type { Position } from '../contract/inbox.ts';
import type { PriceBook } from '../contract/pricing.ts';
import type { RawRecord } from '../contract/record.ts';
import type { TakeoverMark } from '../contract/takeover.ts';
import type { CommitResult, ContactState, GapOpen, StoredSession } from '../contract/writer.ts';
import { hashText } from '../usage/event-hash.ts';
import { DeadLetters, type LetterKeys, type Rejection } from './dead-letters.ts';
import { Dimensions } from './dimensions.ts';
import { EventInsert } from './event-insert.ts';
import type { EventBatch } from './event-batch.ts';
import { EventImport, type ImportStep } from './event-import.ts';
import { EventPricer, type PricerParts } from './event-pricer.ts';
import { prepareEvent, type PreparedEvent, type StoredCost } from './event-row.ts';
import { PriceVersions } from './price-store.ts';
import { Revisions, type Topic } from './revisions.ts';
import { guarded, isStoreTrouble, type Db } from './sqlite.ts';
import * as sessions from './session-store.ts';
import * as state from './state-store.ts';
import { TakeoverPositions } from './takeover-state.ts';
import { Totals } from './totals.ts';

/** What the core is made of besides the database. Tests hand in their own. */
export interface WriterCoreParts extends PricerParts {
  readonly normalise: (payload: Uint8Array, context: NormaliseContext) => Normalised;
  /** Null while the data key is missing. */
  readonly letterKeys: LetterKeys | null;
  /** Takes secrets out of a text. */
  readonly redact: (text: string) => string;
  /** Epoch ms, for the times of changes; never for events. */
  readonly now: () => number;
}

/** Of events whose file does not tell where they come from. No row has it. */
const NO_GATEWAY = 0;

/** A record, looked at before the transaction begins. */
type Understood =
  | { readonly kind: 'event'; readonly record: RawRecord; readonly prepared: PreparedEvent }
  | { readonly kind: 'control'; readonly refresh: boolean }
  | { readonly kind: 'rejected'; readonly record: RawRecord; readonly rejection: Rejection };

interface Counts {
  inserted: number;
  duplicates: number;
  deadLetters: number;
  controls: number;
  refresh: boolean;
  firstId: number;
}

/**
 * Writes events and the collector's state over an open database. Synchronous; every method is one transaction and
 * throws an AppError after which nothing of it is stored.
 */
export class WriterCore {
  readonly #db: Db;
  readonly #parts: WriterCoreParts;
  readonly #dimensions: Dimensions;
  readonly #prices: PriceVersions;
  readonly #pricer: EventPricer;
  readonly #insert: EventInsert;
  readonly #totals: Totals;
  readonly #letters: DeadLetters;
  readonly #revisions: Revisions;
  readonly #takeovers: TakeoverPositions;
  readonly #lastId: BetterSqlite3.Statement<[], number>;

  constructor(db: Db, parts: WriterCoreParts) {
    this.#db = db;
    this.#parts = parts;
    this.#dimensions = new Dimensions(db);
    this.#prices = new PriceVersions(db);
    this.#insert = new EventInsert(db);
    this.#totals = new Totals(db);
    this.#letters = new DeadLetters(db, parts.letterKeys, parts.redact);
    this.#revisions = new Revisions(db);
    this.#takeovers = new TakeoverPositions(db);
    this.#pricer = new EventPricer(db, parts, this.#prices, this.#revisions);
    this.#lastId = db.prepare<[], number>('SELECT max(id) FROM event').pluck();
  }

  /**
   * Stores the records and moves the inbox position, in one transaction: the position names whole frames, so a
   * batch is never split in here. Callers hand in at most about 1,000 records (20 to 50 ms).
   */
  commit(records: readonly RawRecord[], position: Position | null): CommitResult {
    const batch = records.map((record) => this.#understand(record));
    return this.#storing(() => this.#store(batch, position));
  }

  /** Makes ready what {@link importStep} stores piece by piece. */
  beginImport(batch: EventBatch): EventImport {
    return new EventImport(batch, {
      dimensions: this.#dimensions,
      insert: this.#insert,
      totals: this.#totals,
      cost: (event, book) => this.#pricer.cost(event, book),
      version: (event, book) => this.#pricer.version(event, book),
      priceId: (sha, guess) => this.#prices.idOfHash(sha, guess, this.#parts.now()),
      gatewayId: (baseUrl) => (baseUrl === '' ? NO_GATEWAY : this.#gateway(baseUrl)),
    });
  }

  /**
   * Stores the next rows of a batch, from `from` on, in one transaction: each event that is not there yet. With a mark,
   * the place that these rows have in an old volume is noted with them.
   */
  importStep(
    batch: EventImport,
    from: number,
    limits: { maxRows: number; maxMs: number },
    mark: TakeoverMark | null = null,
  ): ImportStep {
    return this.#storing(() => {
      const step = batch.store(from, limits, this.#pricer.book());
      this.#totals.write();
      if (step.added > 0) this.#raise('events');
      if (mark !== null) this.#takeovers.advance(mark, batch, step, this.#parts.now());
      return step;
    });
  }

  gateway(baseUrl: string): number {
    return this.#transact(() => this.#gateway(baseUrl));
  }

  openGap(gap: GapOpen): number {
    return this.#transact(() => {
      this.#raise('gaps');
      return state.openGap(this.#db, gap);
    });
  }

  closeGap(id: number, toMs: number, estimate: number | null): void {
    this.#transact(() => {
      this.#raise('gaps');
      state.closeGap(this.#db, id, toMs, estimate);
    });
  }

  /** Raises no revision: it comes every two seconds, and nobody keeps it in memory. */
  saveContact(contact: ContactState): void {
    this.#transact(() => state.saveContact(this.#db, contact));
  }

  saveSettings(rows: ReadonlyMap<string, string | null>): void {
    this.#transact(() => {
      this.#raise('settings');
      state.saveSettings(this.#db, rows, this.#parts.now());
    });
  }

  saveSession(session: StoredSession): void {
    this.#transact(() => {
      sessions.pruneSessions(this.#db, session.credential, session.createdAtMs);
      sessions.saveSession(this.#db, session);
    });
  }

  touchSession(tokenHash: Uint8Array, lastUsedMs: number, expiresAtMs: number): void {
    this.#transact(() => sessions.touchSession(this.#db, tokenHash, lastUsedMs, expiresAtMs));
  }

  endSession(tokenHash: Uint8Array): void {
    this.#transact(() => sessions.endSession(this.#db, tokenHash));
  }

  pruneSessions(credential: string, nowMs: number): void {
    this.#transact(() => sessions.pruneSessions(this.#db, credential, nowMs));
  }

  #transact<T>(work: () => T): T {
    return guarded(() => this.#db.transaction(work).immediate());
  }

  /** A transaction that stores events. What it made is remembered once it is committed, and forgotten otherwise. */
  #storing<T>(work: () => T): T {
    try {
      const result = this.#transact(work);
      this.#dimensions.publish();
      this.#prices.publish();
      return result;
    } catch (error) {
      this.#dimensions.discard();
      this.#prices.discard();
      this.#totals.discard();
      throw error;
    }
  }

  #gateway(baseUrl: string): number {
    const { id, made } = state.gatewayId(this.#db, baseUrl, this.#parts.now());
    if (made) this.#raise('gateways');
    return id;
  }

  #raise(topic: Topic): number {
    return this.#revisions.raise(topic, this.#parts.now());
  }

  #understand(record: RawRecord): Understood {
    if (record.truncatedFrom !== undefined) {
      const detail = `${record.truncatedFrom} bytes`;
      return { kind: 'rejected', record, rejection: { reason: 'too_long', detail } };
    }
    const { receivedAtMs, gatewayId } = record;
    const normalised = this.#parts.normalise(record.payload, { receivedAtMs, gatewayId });
    if (normalised.kind === 'event') return prepare(record, normalised.event);
    if (normalised.kind === 'control') return { kind: 'control', refresh: normalised.control === 'refresh' };
    const { reason, detail } = normalised;
    return { kind: 'rejected', record, rejection: { reason, detail } };
  }

  #store(batch: readonly Understood[], position: Position | null): CommitResult {
    const book = this.#pricer.book();
    const counts: Counts = {
      inserted: 0,
      duplicates: 0,
      deadLetters: 0,
      controls: 0,
      refresh: false,
      firstId: 0,
    };
    for (const item of batch) {
      if (item.kind === 'control') {
        counts.controls += 1;
        counts.refresh ||= item.refresh;
      } else if (item.kind === 'rejected') {
        this.#storeLetter(item.record, item.rejection, counts);
      } else {
        this.#storeEvent(item.record, item.prepared, book, counts);
      }
    }
    this.#totals.write();
    const eventsRevision = counts.inserted > 0 ? this.#raise('events') : 0;
    if (counts.deadLetters > 0) this.#raise('dead_letters');
    if (position !== null) state.savePosition(this.#db, position);
    return { ...counts, lastId: this.#lastId.get() ?? 0, eventsRevision };
  }

  #storeLetter(record: RawRecord, rejection: Rejection, counts: Counts): void {
    if (this.#letters.insert(record, rejection)) counts.deadLetters += 1;
    else counts.duplicates += 1;
  }

  #storeEvent(record: RawRecord, prepared: PreparedEvent, book: PriceBook, counts: Counts): void {
    const { priced, cost } = this.#priceOf(prepared, book);
    try {
      // The dimensions stay when the event is refused: their ids are remembered for the rest of the batch.
      const id = this.#insert.insert(priced, this.#dimensions.of(priced.event), cost);
      if (id === null) {
        counts.duplicates += 1;
        return;
      }
      if (counts.inserted === 0) counts.firstId = id;
    } catch (error) {
      if (isStoreTrouble(error)) throw error;
      this.#storeLetter(record, refused(error), counts);
      return;
    }
    counts.inserted += 1;
    this.#totals.add(priced.event, cost.costNano);
  }

  #priceOf(prepared: PreparedEvent, book: PriceBook): { priced: PreparedEvent; cost: StoredCost } {
    const { cost, clamped } = this.#pricer.cost(prepared.event, book);
    if (!clamped) return { priced: prepared, cost };
    const event: UsageEvent = { ...prepared.event, flags: prepared.event.flags | EventFlag.clamped };
    return { priced: { ...prepared, event }, cost };
  }
}

function prepare(record: RawRecord, event: UsageEvent): Understood {
  try {
    return { kind: 'event', record, prepared: prepareEvent(event, hashText) };
  } catch (error) {
    return { kind: 'rejected', record, rejection: refused(error) };
  }
}

/** For a record whose values cannot be stored. They would be refused for ever, and everything behind would wait. */
function refused(error: unknown): Rejection {
  return { reason: 'not_a_usage_record', detail: error instanceof Error ? error.message : String(error) };
}
