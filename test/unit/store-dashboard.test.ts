import assert from 'node:assert/strict';
import fs from 'node:fs';
import test from 'node:test';
import * as fc from 'fast-check';
import type { DashboardAnswer } from '../../src/lib/contract/api/dashboard.ts';
import { answerDashboard } from '../../src/lib/store/queries/dashboard.ts';
import type { Db } from '../../src/lib/store/sqlite.ts';
import { plainDashboard } from '../support/plain-dashboard.ts';
import { everyEvent, summary } from '../support/questions.ts';
import { call, record, storeCore, storeDb } from '../support/store-harness.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
/** Midnight in UTC. */
const DAY = Date.UTC(2026, 2, 10);

/** What the names of a row are is another test's; the figures are to be the same. */
function withoutNames(row: object): Record<string, unknown> {
  const {
    source,
    account_snapshot: account,
    auth_label_snapshot: label,
    auth_provider_snapshot: provider,
    ...rest
  }: Record<string, unknown> = { ...row };
  assert.ok([source, account, label, provider].every((name) => name !== ''));
  return rest;
}

function assertAsPlain(db: Db, question: { startMs: number; nowMs: number }): DashboardAnswer {
  const answer = summary(db, question);
  const {
    recent_failures: failures,
    channel_health: channels,
    failure_sources: sources,
    ...figures
  } = answer;
  const {
    failure_ids: ids,
    channels: plainChannels,
    sources: plainSources,
    ...plain
  } = plainDashboard(everyEvent(db), question);
  assert.deepEqual(figures, plain);
  assert.deepEqual(
    failures.map(({ id }) => id),
    ids,
  );
  assert.deepEqual(channels.map(withoutNames), plainChannels);
  // Those with the same failures and the same last call stand in any order.
  const byKey = (row: Record<string, unknown>): string =>
    JSON.stringify([row['failures'], row['source_hash'], row['auth_index']]);
  const sorted = (rows: ReadonlyArray<Record<string, unknown>>): Array<Record<string, unknown>> =>
    rows.toSorted((a, b) => byKey(a).localeCompare(byKey(b)));
  assert.deepEqual(sorted(sources.map(withoutNames)), sorted(plainSources));
  return answer;
}

const event = fc.record({
  /** From half a day before to a day and a half after the beginning. */
  atMs: fc.oneof(
    fc.integer({ min: -36 * HOUR_MS, max: 36 * HOUR_MS }),
    // Where buckets meet.
    fc.integer({ min: -400, max: 400 }).map((five) => five * 5 * MINUTE_MS),
  ),
  model: fc.constantFrom('gpt-5', 'gpt-5(high)', 'claude-sonnet-4-5', 'nobody-knows', 'gemini-2.5-pro'),
  index: fc.constantFrom('', 'idx1', 'idx2', 'idx3', 'idx4', 'idx5', 'idx6'),
  source: fc.constantFrom('sk-one-made-up-aaaa', 'sk-two-made-up-bbbb'),
  failed: fc.boolean(),
  latency: fc.constantFrom(0, 7, 16_000, 90_000),
  input: fc.integer({ min: 0, max: 3000 }),
  cached: fc.integer({ min: 0, max: 500 }),
  output: fc.integer({ min: 0, max: 900 }),
});
type Event = typeof event extends fc.Arbitrary<infer T> ? T : never;

let made = 0;
function recordOf(one: Event): ReturnType<typeof record> {
  made += 1;
  const { input, cached, output } = one;
  return record(
    call({
      timestamp: new Date(DAY + one.atMs).toISOString(),
      request_id: made.toString(16).padStart(8, '0'),
      model: one.model,
      alias: one.model,
      auth_index: one.index,
      source: one.source,
      failed: one.failed,
      latency_ms: one.latency,
      tokens: {
        input_tokens: input,
        cached_tokens: Math.min(input, cached),
        output_tokens: output,
        reasoning_tokens: Math.floor(output / 3),
        total_tokens: input + output,
      },
    }),
  );
}

test('the figures of a day are those of its events, asked again and again while events come', (t) => {
  // Midnights of zones with whole, half and quarter hours; a day of 23 and of 25 hours reaches as far as `now` says.
  const offsets = [0, -5.5 * HOUR_MS, 5.75 * HOUR_MS, 8 * HOUR_MS, 12_345];
  const history = fc.array(
    fc.record({
      batch: fc.array(event, { maxLength: 40 }),
      offset: fc.constantFrom(...offsets),
      sinceMs: fc.oneof(
        fc.integer({ min: 0, max: 26 * HOUR_MS }),
        fc.constantFrom(23 * HOUR_MS, 25 * HOUR_MS, 24 * HOUR_MS),
      ),
    }),
    { minLength: 1, maxLength: 6 },
  );
  fc.assert(
    fc.property(history, (rounds) => {
      const db = storeDb(t);
      const core = storeCore(db);
      for (const { batch, offset, sinceMs } of rounds) {
        core.commit(batch.map(recordOf), null);
        const startMs = DAY + offset;
        assertAsPlain(db, { startMs, nowMs: startMs + sinceMs });
        // The same day a moment later: what is known of it is built upon.
        assertAsPlain(db, { startMs, nowMs: startMs + sinceMs + 90 * MINUTE_MS });
      }
    }),
    { numRuns: 25 },
  );
});

test('costs that are put in later are seen, and a clock that goes back', (t) => {
  const db = storeDb(t);
  const core = storeCore(db);
  const at = (hours: number): string => new Date(DAY + hours * HOUR_MS).toISOString();
  const names = ['gpt-5', 'nobody-knows', 'gpt-5', 'nobody-knows'];
  core.commit(
    names.map((model, n) => record(call({ model, alias: model, timestamp: at(n + 1) }))),
    null,
  );
  const question = { startMs: DAY, nowMs: DAY + 6 * HOUR_MS };
  const before = assertAsPlain(db, question);
  assert.equal(before.today.unpriced_calls, 2);
  db.exec(`UPDATE event SET cost_nano = 5000 WHERE cost_nano IS NULL;
    UPDATE total_5min SET cost_nano = 5000, unpriced = 0 WHERE unpriced = 1`);
  const after = assertAsPlain(db, question);
  assert.equal(after.today.unpriced_calls, 0);
  assert.ok(after.today.total_cost > before.today.total_cost);
  assert.equal(assertAsPlain(db, { ...question, nowMs: DAY + 2.5 * HOUR_MS }).today.total_calls, 2);
  assert.equal(assertAsPlain(db, { startMs: 1, nowMs: DAY + 2.5 * HOUR_MS }).today.total_calls, 2);
});

test('what is known of a day is not counted again, and what comes late is added', (t) => {
  const db = storeDb(t);
  const core = storeCore(db);
  const make = (hours: number): ReturnType<typeof record> =>
    record(call({ timestamp: new Date(DAY + hours * HOUR_MS).toISOString() }));
  core.commit([make(1), make(2)], null);
  const question = { startMs: DAY, nowMs: DAY + 6 * HOUR_MS };
  assert.equal(summary(db, question).today.reasoning_tokens, 0);
  // Nothing ever changes this in place: who sees it has read those rows again.
  db.exec('UPDATE event SET reasoning = 1');
  core.commit([make(1.5), make(5.99)], null);
  const later = summary(db, { ...question, nowMs: DAY + 7 * HOUR_MS });
  assert.equal(later.today.total_calls, 4);
  assert.equal(later.today.reasoning_tokens, 0);
  assert.equal(later.traffic_timeline[1]?.calls, 2);
});

test('a day that is said to reach to the end of all time is no work without end', (t) => {
  const db = storeDb(t);
  const core = storeCore(db);
  core.commit([record(call({ timestamp: new Date(DAY + HOUR_MS).toISOString() }))], null);
  const question = { startMs: 1, nowMs: Number.MAX_SAFE_INTEGER, topModels: 5, recentFailures: 5 };
  const steps = answerDashboard(db, { ...question, generatedAtMs: DAY });
  let count = 0;
  let end = steps.next();
  for (; end.done !== true && count < 100; end = steps.next()) count += 1;
  assert.ok(end.done === true, 'it is not over after a hundred steps');
  assert.deepEqual([end.value.today.total_calls, end.value.yesterday.total_calls], [1, 1]);
});

/** The recorded answer of CPA-Manager-Plus 1.12.2 over the records that are a fixture too, with its prices. */
test('over the same events the figures are those of CPA-Manager-Plus 1.12.2', (t) => {
  const read = (name: string): string =>
    fs.readFileSync(new URL(`../fixtures/${name}`, import.meta.url), 'utf8');
  const theirs: DashboardAnswer = JSON.parse(read('reference-api/dashboard-summary.json'));
  const db = storeDb(t);
  db.exec(`INSERT INTO price_card (source, model, origin, input, output, cache_read, cache_write_5m, updated_at_ms) VALUES
    ('manual', 'claude-sonnet-4-5-20250929', '', 3000000, 15000000, 300000, 3750000, 0),
    ('manual', 'gemini-2.5-pro', '', 1250000, 10000000, 310000, NULL, 0),
    ('manual', 'gpt-5.3-codex', '', 1750000, 14000000, 175000, NULL, 0),
    ('manual', 'gpt-5.4', '', 2500000, 15000000, 250000, NULL, 0)`);
  const core = storeCore(db);
  const lines = read('exports/cpa-manager-plus-1.12.2.records.jsonl').trim().split('\n');
  core.commit(
    lines.map((line) => record(line)),
    null,
  );
  const { window } = theirs;
  const ours = summary(db, { startMs: window.today_start_ms, nowMs: window.now_ms });
  const { recent_failures: theirFailures, generated_at_ms: asked, ...figures } = theirs;
  const { recent_failures: failures, generated_at_ms: answered, yesterday, ...rest } = ours;
  assert.ok(asked > 0 && answered > 0);
  assert.deepEqual(yesterday, { total_calls: 0, failure_calls: 0, total_tokens: 0, total_cost: 0 });
  // Rows that are equally bad stand in an order of their own there.
  const byIndex = ({
    channel_health: channels,
    ...other
  }: Pick<DashboardAnswer, 'channel_health'>): object => ({
    ...other,
    channels: channels.toSorted((a, b) => a.auth_index.localeCompare(b.auth_index)),
  });
  // Gemini counts reasoning beside the output: there it is neither output nor paid for, here it is both.
  const [reasoning, rate] = [109, 10e-6];
  const differing = [
    'today.output_tokens',
    'today.total_cost',
    'top_models_today.1.cost',
    'model_cost_rank.2.cost',
    'model_cost_rank.2.cost_share',
    'channels.4.cost',
  ];
  const found = differences(byIndex(rest), byIndex(figures), '');
  assert.deepEqual(
    found.map(({ at }) => at.slice(1)),
    differing,
  );
  for (const { at, ours: value, theirs: other } of found) {
    const paid = Number(value) - Number(other);
    if (at.endsWith('tokens')) assert.equal(paid, reasoning);
    else if (at.endsWith('cost')) assert.ok(Math.abs(paid - reasoning * rate) < 1e-12, at);
  }
  // Their texts of failures also hold the response headers, and their rows have no id.
  const bare = (row: object): object =>
    Object.fromEntries(
      Object.entries(row).filter(([key, value]) => key !== 'id' && (key !== 'fail_summary' || value === '')),
    );
  assert.deepEqual(failures.map(bare), theirFailures.map(bare));
});

interface Difference {
  readonly at: string;
  readonly ours: unknown;
  readonly theirs: unknown;
}

/** Where ours differs by more than what adding up in another order does to the last digits. Ours may have more fields. */
function differences(ours: unknown, theirs: unknown, at: string): Difference[] {
  if (typeof theirs === 'object' && theirs !== null && typeof ours === 'object' && ours !== null) {
    return Object.entries(theirs).flatMap(([key, value]) =>
      differences(Reflect.get(ours, key), value, `${at}.${key}`),
    );
  }
  const near =
    typeof theirs === 'number' &&
    typeof ours === 'number' &&
    Math.abs(ours - theirs) <= 1e-9 * Math.max(1, Math.abs(theirs));
  return near || ours === theirs ? [] : [{ at, ours, theirs }];
}
