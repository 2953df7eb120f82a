import { AppError } from '../errors.ts';
import { analyticsModel } from '../pricing/model-names.ts';
import { CostShifts } from './cost-shifts.ts';
import { PriceVersions } from './price-store.ts';
import { RecalcSums } from './recalc-sums.ts';
import {
  readRun,
  readRuns,
  UNDO_MS,
  type RecalcModel,
  type RecalcRun,
  type RecalcScope,
} from './recalc-runs.ts';
import {
  CurrentBook,
  flagsWith,
  PRICED_SELECT,
  pricedNow,
  pricedRow,
  type PricedRow,
  type PricedSelectRow,
  type Pricing,
} from './reprice.ts';
import { Revisions } from './revisions.ts';
import { guarded, type Db } from './sqlite.ts';

/** How far one transaction came. */
export interface RecalcStep {
  /** Ids that are done, of `ofIds`. */
  readonly ids: number;
  readonly ofIds: number;
  readonly done: boolean;
}

interface OldRow {
  readonly event_id: number;
  readonly cost_nano: number | null;
  readonly price_id: number | null;
  readonly flags: number;
}

/**
 * Prices stored events again by the prices of now, in transactions of a bounded number of ids, and keeps what they had.
 * What an interrupted one has done stays done; it goes on where it stood, or from the beginning where prices changed
 * meanwhile. Synchronous; every method throws an AppError.
 */
export class Recalculation {
  readonly #db: Db;
  readonly #pricing: Pricing;
  readonly #now: () => number;
  readonly #revisions: Revisions;
  readonly #book: CurrentBook;
  readonly #versions: PriceVersions;
  readonly #shifts: CostShifts;
  readonly #sums: RecalcSums;
  readonly #update;
  readonly #old;
  readonly #keep;
  readonly #drop;

  constructor(db: Db, pricing: Pricing, now: () => number) {
    this.#db = db;
    this.#pricing = pricing;
    this.#now = now;
    this.#revisions = new Revisions(db);
    this.#book = new CurrentBook(db, pricing, this.#revisions);
    this.#versions = new PriceVersions(db);
    this.#shifts = new CostShifts(db);
    this.#sums = new RecalcSums(db);
    this.#update = db.prepare<Array<number | null>>(
      'UPDATE event SET cost_nano = ?, price_id = ?, flags = ? WHERE id = ?',
    );
    this.#old = db.prepare<[number, number], OldRow>(
      'SELECT event_id, cost_nano, price_id, flags FROM price_recalc_old WHERE recalc_id = ? AND event_id = ?',
    );
    this.#keep = db.prepare<Array<number | null>>(
      `INSERT INTO price_recalc_old (recalc_id, event_id, cost_nano, price_id, flags) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT (recalc_id, event_id) DO NOTHING`,
    );
    this.#drop = db.prepare<[number, number]>(
      'DELETE FROM price_recalc_old WHERE recalc_id = ? AND event_id = ?',
    );
  }

  /** Sums per model of what a recalculation would do, without doing it; yields after each part. */
  *preview(scope: RecalcScope, ids: number): Generator<RecalcStep, RecalcModel[]> {
    const uptoId = this.#lastId();
    const select = this.#selection(scope);
    const sums = new Map<string, RecalcModel>();
    for (let from = 1; from <= uptoId; from += ids) {
      guarded(() =>
        this.#db.transaction(() => {
          const book = this.#book.get();
          for (const row of select(from, Math.min(from + ids - 1, uptoId))) {
            const priced = pricedNow(row, book, this.#pricing.price);
            const after = priced.kind === 'priced' ? priced.nanoUsd : null;
            RecalcSums.add(sums, modelOf(row), row.costNano, after);
          }
        })(),
      );
      const done = Math.min(from + ids - 1, uptoId);
      yield { ids: done, ofIds: uptoId, done: done === uptoId };
    }
    return [...sums.values()].sort((a, b) => b.afterNano - a.afterNano || (a.model < b.model ? -1 : 1));
  }

  /** The one that was interrupted, if there is one. */
  unfinished(): RecalcRun | null {
    return guarded(
      () => readRuns(this.#db).find(({ state }) => state === 'running' || state === 'undoing') ?? null,
    );
  }

  /** A new one, of all events that are there now. Throws `invalid_request` while another one is not finished. */
  begin(scope: RecalcScope): RecalcRun {
    const { id } = this.#transact(() => {
      if (this.unfinished() !== null) {
        throw new AppError('invalid_request', {
          detail: 'another recalculation was interrupted: finish or undo it first',
        });
      }
      const added = this.#db
        .prepare<Array<string | number>>(
          `INSERT INTO price_recalc (state, scope, price_revision, next_id, upto_id, started_at_ms)
           VALUES ('running', ?, ?, 1, ?, ?)`,
        )
        .run(JSON.stringify(scope), this.#revisions.of('prices'), this.#lastId(), this.#now());
      return { id: Number(added.lastInsertRowid) };
    });
    return this.#run(id);
  }

  /** One transaction over so many ids of a run that is `running`. */
  step(id: number, ids: number): RecalcStep {
    return this.#transact(() => {
      const before = this.#run(id);
      if (before.state !== 'running') return { ids: before.uptoId, ofIds: before.uptoId, done: true };
      const current = this.#upToDate(before);
      const to = Math.min(current.nextId + ids - 1, current.uptoId);
      this.#recalculate(current, to);
      const done = to >= current.uptoId;
      this.#db
        .prepare<Array<number | string | null>>(
          'UPDATE price_recalc SET next_id = ?, state = ?, ended_at_ms = ? WHERE id = ?',
        )
        .run(to + 1, done ? 'done' : 'running', done ? this.#now() : null, id);
      return { ids: to, ofIds: current.uptoId, done };
    });
  }

  /**
   * The newest run that can be undone: not undone yet and not older than 30 days. Throws `no_such_thing`, also for an id that
   * is not the newest: what came after it stands on what it did.
   */
  undoable(id: number | null): RecalcRun {
    const newest = guarded(() => readRuns(this.#db).find(({ state }) => state !== 'undone'));
    if (newest === undefined || newest.startedAtMs < this.#now() - UNDO_MS) {
      throw new AppError('no_such_thing', { detail: 'there is no recalculation that can be undone' });
    }
    if (id !== null && id !== newest.id) {
      throw new AppError('no_such_thing', {
        detail: `recalculation ${id} cannot be undone: only the newest, ${newest.id}, can`,
        hint: `Undo it first: cpamp prices recalc --undo ${newest.id}`,
      });
    }
    return newest;
  }

  /** One transaction that gives so many events back what they had. */
  undoStep(id: number, events: number): { readonly events: number; readonly done: boolean } {
    return this.#transact(() => {
      const rows = this.#db
        .prepare<[number, number], OldRow>(
          `SELECT event_id, cost_nano, price_id, flags FROM price_recalc_old WHERE recalc_id = ?
           ORDER BY event_id LIMIT ?`,
        )
        .all(id, events);
      this.#giveBack(id, rows);
      const done = rows.length < events;
      this.#db
        .prepare<Array<string | number | null>>(
          'UPDATE price_recalc SET state = ?, ended_at_ms = ? WHERE id = ?',
        )
        .run(done ? 'undone' : 'undoing', done ? this.#now() : null, id);
      return { events: rows.length, done };
    });
  }

  #recalculate(run: RecalcRun, to: number): void {
    const book = this.#book.get();
    const sums = new Map<string, RecalcModel>();
    let changed = 0;
    for (const row of this.#selection(run.scope, run.id)(run.nextId, to)) {
      const kept = this.#old.get(run.id, row.id);
      const before = kept === undefined ? row.costNano : kept.cost_nano;
      const priced = pricedNow(row, book, this.#pricing.price);
      const after = priced.kind === 'priced' ? priced.nanoUsd : null;
      RecalcSums.add(sums, modelOf(row), before, after);
      if (after === row.costNano) continue;
      changed += 1;
      this.#keep.run(run.id, row.id, row.costNano, row.priceId, row.flags);
      const versionId = priced.kind === 'priced' ? this.#versions.id(priced.version, this.#now()) : null;
      this.#update.run(after, versionId, flagsWith(row.flags, priced), row.id);
      this.#shifts.add({ gatewayId: row.gatewayId, timestampMs: row.input.timestampMs }, row.costNano, after);
    }
    this.#sums.write(run.id, sums);
    this.#shifts.write();
    if (changed > 0) this.#revisions.raiseOnly('events');
  }

  #giveBack(id: number, rows: readonly OldRow[]): void {
    const now = this.#db.prepare<
      [number],
      { gatewayId: number; timestampMs: number; costNano: number | null }
    >(
      'SELECT gateway_id AS gatewayId, timestamp_ms AS timestampMs, cost_nano AS costNano FROM event WHERE id = ?',
    );
    for (const row of rows) {
      const event = now.get(row.event_id);
      // Retention may have taken the row since.
      if (event !== undefined) {
        this.#update.run(row.cost_nano, row.price_id, row.flags, row.event_id);
        this.#shifts.add(event, event.costNano, row.cost_nano);
      }
      this.#drop.run(id, row.event_id);
    }
    this.#shifts.write();
    if (rows.length > 0) this.#revisions.raiseOnly('events');
  }

  /** Prices that changed since it began: everything again, by the new ones. */
  #upToDate(run: RecalcRun): RecalcRun {
    const revision = this.#revisions.of('prices');
    if (revision === run.priceRevision) return run;
    this.#db
      .prepare<[number, number]>('UPDATE price_recalc SET price_revision = ?, next_id = 1 WHERE id = ?')
      .run(revision, run.id);
    this.#sums.clear(run.id);
    return { ...run, priceRevision: revision, nextId: 1 };
  }

  #run(id: number): RecalcRun {
    const run = guarded(() => readRun(this.#db, id));
    if (run === null) throw new AppError('no_such_thing', { detail: `there is no recalculation ${id}` });
    return run;
  }

  #lastId(): number {
    return guarded(() => this.#db.prepare<[], number | null>('SELECT max(id) FROM event').pluck().get() ?? 0);
  }

  /**
   * Reads the events of a scope between two ids. In a scope of unpriced events those that this run has priced already
   * (`runId`) count as unpriced.
   */
  #selection(scope: RecalcScope, runId: number | null = null): (fromId: number, toId: number) => PricedRow[] {
    const params: Array<number | string> = [];
    let where = 'e.id BETWEEN ? AND ?';
    if (scope.fromMs !== null) {
      where += ' AND +e.timestamp_ms >= ?';
      params.push(scope.fromMs);
    }
    if (scope.toMs !== null) {
      where += ' AND +e.timestamp_ms < ?';
      params.push(scope.toMs);
    }
    if (scope.unpricedOnly) {
      where +=
        runId === null
          ? ' AND e.cost_nano IS NULL'
          : ` AND (e.cost_nano IS NULL OR EXISTS (
        SELECT 1 FROM price_recalc_old o WHERE o.recalc_id = ? AND o.event_id = e.id))`;
      if (runId !== null) params.push(runId);
    }
    const select = this.#db.prepare<Array<number | string>, PricedSelectRow>(
      `${PRICED_SELECT} WHERE ${where} ORDER BY e.id`,
    );
    const wanted = new Set(scope.models.map(analyticsModel));
    return (fromId, toId) => {
      const rows = select.all(fromId, toId, ...params).map(pricedRow);
      return wanted.size === 0 ? rows : rows.filter((row) => namesOf(row).some((name) => wanted.has(name)));
    };
  }

  #transact<T>(work: () => T): T {
    try {
      const result = guarded(() => this.#db.transaction(work).immediate());
      this.#versions.publish();
      return result;
    } catch (error) {
      this.#versions.discard();
      this.#shifts.discard();
      throw error;
    }
  }
}

/** The name a model's sums are shown under. */
function modelOf({ input }: PricedRow): string {
  return analyticsModel(input.requestedModel === '' ? input.model : input.requestedModel);
}

const namesOf = (row: PricedRow): string[] => [modelOf(row), row.input.model, row.input.resolvedModel];
