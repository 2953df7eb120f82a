import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EventRow } from '../../../src/lib/contract/api.ts';
import { EventFlag } from '../../../src/lib/contract/event.ts';
import { analyticsModel } from '../../../src/lib/pricing/model-names.ts';
import type { EventsQuestion } from '../../../src/lib/store/queries/events.ts';
import type { Db } from '../../../src/lib/store/sqlite.ts';
import {
  addressOf,
  filterKey,
  isNarrowed,
  NO_FILTER,
  parseFilter,
  questionOf,
  type Filter,
} from '../../../panel/src/pages/requests/filter.ts';
import { FLAGS, flagsOf, hasFlag } from '../../../panel/src/pages/requests/flags.ts';
import { matches, meantModel } from '../../../panel/src/pages/requests/matches.ts';
import { presetFrom } from '../../../panel/src/pages/requests/range.ts';
import { toParams } from '../../../panel/src/lib/location.ts';
import { list } from '../../support/questions.ts';
import { call, record, recordedCalls, storeCore, storeDb } from '../../support/store-harness.ts';
import { eventRow } from './event-row.ts';

test('a filter comes back from its address, and knows nothing that is not in it', () => {
  const filter: Filter = {
    ...NO_FILTER,
    fromMs: 1000,
    toMs: 2000,
    status: 'failed',
    search: 'a b&c',
    model: ['x', 'y(high)'],
    api_key_hash: ['ab'.repeat(32)],
  };
  const address = toParams(addressOf(filter)).toString();
  assert.deepEqual(parseFilter(new URLSearchParams(address)), filter);
  assert.equal(isNarrowed(filter), true);
  const junk = parseFilter(
    new URLSearchParams('status=odd&range=2y&from_ms=-4&to_ms=1e3&model=&model=%20a%20&model=a&event=7'),
  );
  assert.deepEqual(junk, { ...NO_FILTER, model: ['a'] });
  assert.equal(filterKey(parseFilter(new URLSearchParams('event=7'))), filterKey(NO_FILTER));
  assert.equal(isNarrowed(NO_FILTER), false);
});

test('a preset is asked for as a time, and comes before bounds of its own', () => {
  const now = new Date(2026, 2, 30, 15, 4, 5).getTime();
  const filter = parseFilter(new URLSearchParams('range=today&from_ms=5&to_ms=6'));
  assert.equal(filter.fromMs, null);
  const { from_ms: from, to_ms: to, range } = questionOf(filter, now);
  assert.deepEqual([from, to, range], [new Date(2026, 2, 30).getTime(), null, undefined]);
  assert.equal(presetFrom('1h', now), now - 3_600_000);
  // Days of the calendar: one of these has 23 or 25 hours in many zones.
  assert.equal(presetFrom('7d', now), new Date(2026, 2, 24).getTime());
});

test('flags are those of the daemon', () => {
  assert.deepEqual(FLAGS, EventFlag);
  assert.deepEqual(flagsOf(4 | 64), ['cancelled', 'unclassified']);
  assert.equal(hasFlag(4, 'cancelled'), true);
  assert.equal(hasFlag(3, 'cancelled'), false);
});

test('a model is meant without its thinking level, as the daemon has it', () => {
  for (const name of ['gpt-5.4', 'gpt-5.4(high)', 'a(8192)', 'a(b)', '(high)', 'x(MAX)', 'a\nb(low)']) {
    assert.equal(meantModel(name), analyticsModel(name), name);
  }
});

function ask(db: Db, question: Partial<EventsQuestion>): readonly EventRow[] {
  return list(db, { limit: 1000, ...question }).items;
}

test('rows are judged as the daemon judges them', (t) => {
  const db = storeDb(t);
  storeCore(db).commit(
    [
      ...recordedCalls(),
      record(call({ model: 'm', alias: 'm(high)', auth_index: '', source: '', request_id: 'ABCDEF12' })),
      record(call({ model: 'm', alias: 'm', timestamp: '2026-11-20T00:00:00Z', request_id: 'feedbeef' })),
    ],
    null,
  );
  const all = ask(db, {});
  assert.ok(all.length > 50);
  const some = <T>(of: (row: EventRow) => T): T[] => [...new Set(all.map(of))];
  const middle = all[Math.floor(all.length / 2)]?.timestamp_ms ?? 0;
  const cases: Array<readonly [Partial<Filter>, Partial<EventsQuestion>, sure: boolean]> = [
    [{ status: 'failed' }, { failed: true }, true],
    [{ status: 'success' }, { failed: false }, true],
    [{ fromMs: middle }, { fromMs: middle }, true],
    [{ toMs: middle }, { toMs: middle }, true],
    [{ auth_index: ['-'] }, { authIndexes: ['-'] }, true],
    ...some(({ model }) => model).map((one) => [{ model: [one] }, { models: [one] }, true] as const),
    [{ model: ['m(low)'] }, { models: ['m(low)'] }, true],
    ...some(({ auth_index: one }) => one)
      .filter(Boolean)
      .map((one) => [{ auth_index: [one] }, { authIndexes: [one] }, true] as const),
    ...some(({ api_key_hash: one }) => one)
      .filter(Boolean)
      .map(
        (one) =>
          [{ api_key_hash: [one.toUpperCase()] }, { apiKeyHashes: [one.toUpperCase()] }, true] as const,
      ),
    ...some(({ source }) => source)
      .filter(Boolean)
      .map((one) => [{ account: [one.toUpperCase()] }, { accounts: [one.toUpperCase()] }, true] as const),
    ...some(({ provider }) => provider)
      .filter(Boolean)
      .map((one) => [{ provider: [one.toUpperCase()] }, { providers: [one.toUpperCase()] }, false] as const),
    ...[
      'gpt',
      'CLAUDE',
      'error',
      'm(',
      'abcdef',
      'abcde',
      'feedbeef',
      'feedbeef0',
      'v1/',
      'curl',
      'oauth',
    ].map((search) => [{ search }, { search }, false] as const),
    [{ status: 'failed', search: 'rate' }, { failed: true, search: 'rate' }, false],
  ];
  let found = 0;
  for (const [filter, question, sure] of cases) {
    const wanted = new Set(ask(db, question).map(({ id }) => id));
    const narrowed = { ...NO_FILTER, ...filter };
    for (const row of all) {
      const match = matches(narrowed, narrowed.fromMs, row);
      const told = `${JSON.stringify(filter)} of ${JSON.stringify(row)}`;
      if (sure) assert.notEqual(match, 'unknown', told);
      if (match !== 'unknown') assert.equal(match === 'yes', wanted.has(row.id), told);
      if (match === 'yes') found += 1;
    }
  }
  assert.ok(found > 300, `only ${found} matches: the cases say little`);
});

test('what a row does not hold is for the daemon to say', () => {
  const row = eventRow({ provider: 'codex', model: 'a' });
  const judge = (filter: Partial<Filter>) => matches({ ...NO_FILTER, ...filter }, null, row);
  assert.equal(judge({ provider: ['claude'] }), 'unknown');
  assert.equal(judge({ search: 'iterm' }), 'unknown');
  // What is certain comes first.
  assert.equal(judge({ search: 'iterm', model: ['b'] }), 'no');
});
