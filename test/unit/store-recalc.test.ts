import assert from 'node:assert/strict';
import test, { type TestContext } from 'node:test';
import { createStandardPricing } from '../../src/lib/pricing/standard-pricing.ts';
import { rowFromObject } from '../../src/lib/pricing/price-row.ts';
import { filledTopic, PriceFiller } from '../../src/lib/store/fill-prices.ts';
import { PriceWriter } from '../../src/lib/store/price-writer.ts';
import { Recalculation } from '../../src/lib/store/recalc.ts';
import {
  forgetRecalcs,
  readRunModels,
  readRuns,
  UNDO_MS,
  type RecalcScope,
} from '../../src/lib/store/recalc-runs.ts';
import { Revisions } from '../../src/lib/store/revisions.ts';
import type { Db } from '../../src/lib/store/sqlite.ts';
import { call, count, record, RECEIVED_AT_MS, storeCore, storeDb } from '../support/store-harness.ts';

const ALL: RecalcScope = { models: [], fromMs: null, toMs: null, unpricedOnly: false };
const pricing = createStandardPricing();

/** Twelve events: of a model that the program has a price of, and of two that nobody has. */
function world(t: TestContext) {
  const db = storeDb(t);
  const clock = { ms: RECEIVED_AT_MS };
  const now = (): number => clock.ms;
  const models = ['gpt-5', 'house-a', 'house-b'];
  const records = Array.from({ length: 12 }, (_, n) =>
    record(
      call({
        model: models[n % 3],
        alias: models[n % 3],
        request_id: `0000000${n.toString(16)}`,
        timestamp: `2026-11-21T1${n % 2}:0${n % 6}:00Z`,
      }),
    ),
  );
  storeCore(db).commit(records, null);
  const writer = new PriceWriter(db, pricing.embedded, now);
  const set = (model: string, prompt: number, completion: number): void => {
    writer.change({ kind: 'set', rows: [rowFromObject(model, { prompt, completion, cache: 0 }, now())] });
  };
  return { db, clock, now, set, writer, recalc: new Recalculation(db, pricing, now) };
}

interface Figures {
  readonly costs: Record<string, number | null>;
  readonly buckets: unknown;
  readonly ever: unknown;
}

/** What events cost, and what the sums say. */
function figures(db: Db): Figures {
  const rows = db
    .prepare<[], { id: number; cost: number | null; price: number | null }>(
      'SELECT id, cost_nano AS cost, price_id AS price FROM event',
    )
    .all();
  return {
    costs: Object.fromEntries(rows.map(({ id, cost, price }) => [`${id}:${price}`, cost])),
    buckets: db
      .prepare('SELECT gateway_id, bucket_ms, calls, cost_nano, unpriced FROM total_5min ORDER BY 1, 2')
      .all(),
    ever: db.prepare('SELECT gateway_id, calls, cost_nano, unpriced FROM total_ever ORDER BY 1').all(),
  };
}

/** The sums are those of the rows. */
function assertSums(db: Db): void {
  const rows = db
    .prepare(
      `SELECT gateway_id, timestamp_ms / 300000 * 300000 AS bucket_ms, count(*) AS calls,
         sum(coalesce(cost_nano, 0)) AS cost_nano, sum(cost_nano IS NULL) AS unpriced
       FROM event GROUP BY 1, 2 ORDER BY 1, 2`,
    )
    .all();
  assert.deepEqual(figures(db).buckets, rows);
  const ever = db
    .prepare(
      `SELECT gateway_id, count(*) AS calls, sum(coalesce(cost_nano, 0)) AS cost_nano,
         sum(cost_nano IS NULL) AS unpriced FROM event GROUP BY 1`,
    )
    .all();
  assert.deepEqual(figures(db).ever, ever);
}

function finish(recalc: Recalculation, id: number, ids = 5): void {
  while (!recalc.step(id, ids).done);
}

test('events without a price get one, the others keep theirs, and the sums follow', (t) => {
  const { db, now, set } = world(t);
  const filler = new PriceFiller(db, pricing, now);
  const revisions = new Revisions(db);
  const inserted = count(db, "SELECT changed_at_ms FROM meta WHERE name = 'events'");
  assert.deepEqual(filler.step(0), { upTo: 11 + 1, filled: 0, done: true });
  assert.equal(revisions.of(filledTopic as 'events'), 1);
  const gpt = db.prepare(
    "SELECT e.cost_nano FROM event e JOIN model m ON m.id = e.model_id WHERE m.name = 'gpt-5'",
  );
  const before = gpt.all();
  set('house-a', 1, 1);
  set('gpt-5', 100, 100);
  const events = revisions.of('events');
  assert.equal(filler.step(0).filled, 4);
  assert.equal(revisions.of('events'), events + 1);
  // When an event last came is not when one was priced.
  assert.equal(count(db, "SELECT changed_at_ms FROM meta WHERE name = 'events'"), inserted);
  assert.equal(revisions.of(filledTopic as 'events'), revisions.of('prices') + 1);
  assert.deepEqual(gpt.all(), before);
  assert.equal(count(db, 'SELECT count(*) FROM event WHERE cost_nano IS NULL'), 4);
  assertSums(db);
  assert.equal(filler.step(0).filled, 0);
});

test('the events without a price are found by their index', (t) => {
  const { db } = world(t);
  const plan = db
    .prepare<[], { detail: string }>(
      'EXPLAIN QUERY PLAN SELECT e.id FROM event e JOIN model m ON m.id = e.model_id WHERE e.cost_nano IS NULL AND e.id > 0 ORDER BY e.id LIMIT 5',
    )
    .all()
    .map(({ detail }) => detail)
    .join('\n');
  assert.match(plan, /event_unpriced/);
});

test('a preview says what a recalculation does, and changes nothing', (t) => {
  const { db, set, recalc } = world(t);
  set('gpt-5', 1, 1);
  set('house-b', 1, 1);
  const before = figures(db);
  const steps = recalc.preview(ALL, 5);
  let models;
  for (;;) {
    const { value, done } = steps.next();
    if (done === true) {
      models = value;
      break;
    }
  }
  assert.deepEqual(figures(db), before);
  assert.deepEqual(
    models.map((each) => [each.model, each.events, each.changed, each.unpricedBefore, each.unpricedAfter]),
    [
      ['gpt-5', 4, 4, 0, 0],
      ['house-b', 4, 4, 4, 0],
      ['house-a', 4, 0, 4, 4],
    ],
  );
  const run = recalc.begin(ALL);
  finish(recalc, run.id);
  assert.deepEqual(readRunModels(db, run.id), models);
  assertSums(db);
});

test('undone, every event and every sum is as before', (t) => {
  const { db, set, recalc } = world(t);
  const before = figures(db);
  set('gpt-5', 3, 4);
  set('house-a', 1, 1);
  const { id } = recalc.begin(ALL);
  finish(recalc, id, 3);
  assert.notDeepEqual(figures(db), before);
  assertSums(db);
  set('house-b', 9, 9);
  const second = recalc.begin(ALL);
  finish(recalc, second.id);
  assert.throws(() => recalc.undoable(id), /only the newest/);
  for (const each of [second.id, id]) {
    assert.equal(recalc.undoable(null).id, each);
    while (!recalc.undoStep(each, 3).done) assertSums(db);
  }
  assert.deepEqual(figures(db), before);
  assert.throws(() => recalc.undoable(null), /no recalculation/);
  assert.equal(count(db, 'SELECT count(*) FROM price_recalc_old'), 0);
});

test('an interrupted one goes on; where prices changed meanwhile, all is priced by the new ones, and undone whole', (t) => {
  const { db, now, set, recalc } = world(t);
  const before = figures(db);
  set('gpt-5', 3, 4);
  const { id } = recalc.begin(ALL);
  assert.equal(recalc.step(id, 5).done, false);
  assertSums(db);
  // Another process goes on with it.
  const other = new Recalculation(db, pricing, now);
  assert.equal(other.unfinished()?.id, id);
  assert.throws(() => other.begin(ALL), /interrupted/);
  set('gpt-5', 30, 40);
  finish(other, id, 4);
  assert.equal(other.unfinished(), null);
  const gpt = db
    .prepare<[], number>(
      "SELECT DISTINCT e.cost_nano FROM event e JOIN model m ON m.id = e.model_id WHERE m.name = 'gpt-5'",
    )
    .pluck()
    .all();
  assert.equal(gpt.length, 1);
  const [model] = readRunModels(db, id).filter((each) => each.model === 'gpt-5');
  assert.equal(model?.events, 4);
  assert.equal(model.afterNano, 4 * (gpt[0] ?? 0));
  const first = Object.entries(before.costs).find(([key]) => key.startsWith('1:'))?.[1] ?? 0;
  assert.equal(model.beforeNano, 4 * first);
  assertSums(db);
  while (!other.undoStep(id, 3).done);
  assert.deepEqual(figures(db), before);
});

test('a scope is kept to: model, time, only what has no price', (t) => {
  const changed = (scope: Partial<RecalcScope>): number[] => {
    const { db, set, recalc } = world(t);
    set('gpt-5', 3, 4);
    set('house-a', 1, 1);
    const { id } = recalc.begin({ ...ALL, ...scope });
    finish(recalc, id);
    assertSums(db);
    return db.prepare<[], number>('SELECT event_id FROM price_recalc_old ORDER BY 1').pluck().all();
  };
  assert.deepEqual(changed({}), [1, 2, 4, 5, 7, 8, 10, 11]);
  assert.deepEqual(changed({ models: ['gpt-5(high)'] }), [1, 4, 7, 10]);
  assert.deepEqual(changed({ unpricedOnly: true }), [2, 5, 8, 11]);
  assert.deepEqual(changed({ fromMs: Date.UTC(2026, 10, 21, 11) }), [2, 4, 8, 10]);
  assert.deepEqual(changed({ toMs: Date.UTC(2026, 10, 21, 11, 1), models: ['house-a'] }), [5, 11]);
  assert.deepEqual(changed({ fromMs: Date.UTC(2026, 10, 21, 11, 1), models: ['house-a'] }), [2, 8]);
});

test('after 30 days it cannot be undone, and what it kept goes in parts', (t) => {
  const { db, clock, now, set, recalc } = world(t);
  set('gpt-5', 3, 4);
  const { id } = recalc.begin(ALL);
  finish(recalc, id);
  const after = figures(db);
  clock.ms += UNDO_MS;
  assert.equal(recalc.undoable(null).id, id);
  assert.equal(forgetRecalcs(db, now()), false);
  clock.ms += 1;
  assert.throws(() => recalc.undoable(null), /no recalculation/);
  while (forgetRecalcs(db, now()));
  assert.deepEqual(readRuns(db), []);
  assert.equal(
    count(db, 'SELECT count(*) FROM price_recalc_old') + count(db, 'SELECT count(*) FROM price_recalc_model'),
    0,
  );
  assert.deepEqual(figures(db), after);
});
