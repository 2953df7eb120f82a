import { VERSION } from '../version.ts';
import { CostShifts } from './cost-shifts.ts';
import { PriceVersions } from './price-store.ts';
import {
  CurrentBook,
  flagsWith,
  PRICED_SELECT,
  pricedNow,
  pricedRow,
  type PricedSelectRow,
  type Pricing,
} from './reprice.ts';
import { Revisions } from './revisions.ts';
import { guarded, type Db } from './sqlite.ts';

/**
 * In `meta`: one more than the revision of `prices` for which all events were looked at by this version of the program,
 * whose embedded prices may be others than those of the next.
 */
export const filledTopic = `prices_filled:${VERSION}`;

/** Rows of one transaction: looking at one that stays without a price is quick. */
const STEP_ROWS = 500;

export interface FillStep {
  /** Events up to this id were looked at; hand it in as `after` of the next step. */
  readonly upTo: number;
  readonly filled: number;
  /** There are no more. */
  readonly done: boolean;
}

/** Prices events that had no price when they were stored, once a source has one. */
export class PriceFiller {
  readonly #db: Db;
  readonly #pricing: Pricing;
  readonly #now: () => number;
  readonly #revisions: Revisions;
  readonly #book: CurrentBook;
  readonly #versions: PriceVersions;
  readonly #shifts: CostShifts;
  readonly #read;
  readonly #update;
  readonly #remember;
  /** Revision of the prices when the first of a row of steps ran. */
  #revision = 0;

  constructor(db: Db, pricing: Pricing, now: () => number) {
    this.#db = db;
    this.#pricing = pricing;
    this.#now = now;
    this.#revisions = new Revisions(db);
    this.#book = new CurrentBook(db, pricing, this.#revisions);
    this.#versions = new PriceVersions(db);
    this.#shifts = new CostShifts(db);
    this.#read = db.prepare<[number], PricedSelectRow>(
      `${PRICED_SELECT} WHERE e.cost_nano IS NULL AND e.id > ? ORDER BY e.id LIMIT ${STEP_ROWS}`,
    );
    this.#update = db.prepare<[number, number, number, number]>(
      'UPDATE event SET cost_nano = ?, price_id = ?, flags = ? WHERE id = ?',
    );
    this.#remember = db.prepare<[string, number, number]>(
      `INSERT INTO meta (name, revision, changed_at_ms) VALUES (?, ?, ?)
       ON CONFLICT (name) DO UPDATE SET revision = excluded.revision, changed_at_ms = excluded.changed_at_ms`,
    );
  }

  /** One transaction over at most 500 events behind `after`. */
  step(after: number): FillStep {
    try {
      const done = guarded(() => this.#db.transaction(() => this.#fill(after)).immediate());
      this.#versions.publish();
      return done;
    } catch (error) {
      this.#versions.discard();
      this.#shifts.discard();
      throw error;
    }
  }

  #fill(after: number): FillStep {
    const book = this.#book.get();
    if (after === 0) this.#revision = book.revision;
    const rows = this.#read.all(after).map(pricedRow);
    let filled = 0;
    for (const row of rows) {
      const priced = pricedNow(row, book, this.#pricing.price);
      if (priced.kind === 'unpriced') continue;
      const versionId = this.#versions.id(priced.version, this.#now());
      this.#update.run(priced.nanoUsd, versionId, flagsWith(row.flags, priced), row.id);
      this.#shifts.add(
        { gatewayId: row.gatewayId, timestampMs: row.input.timestampMs },
        null,
        priced.nanoUsd,
      );
      filled += 1;
    }
    this.#shifts.write();
    if (filled > 0) this.#revisions.raiseOnly('events');
    const done = rows.length < STEP_ROWS;
    if (done) this.#remember.run(filledTopic, this.#revision + 1, this.#now());
    return { upTo: rows.at(-1)?.id ?? after, filled, done };
  }
}
