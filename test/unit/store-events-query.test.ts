import assert from 'node:assert/strict';
import test from 'node:test';
import type { EventRow } from '../../src/lib/contract/api/events.ts';
import { cursorText, parseCursor } from '../../src/lib/store/event-cursor.ts';
import { answerEvents, type EventsQuestion } from '../../src/lib/store/queries/events.ts';
import type { Db } from '../../src/lib/store/sqlite.ts';
import { generate } from '../bench/generate.ts';
import { ALL, everyEvent, list, pagedIds, run } from '../support/questions.ts';
import { call, record, recordedCalls, storeCore, storeDb } from '../support/store-harness.ts';

/** What finds which of a handful of events is asked by their request ids. */
function found(db: Db, narrower: Partial<EventsQuestion>): string[] {
  return list(db, narrower)
    .items.map((row) => row.request_id)
    .sort();
}

const SECOND = 1_000;
const AT = Date.UTC(2026, 10, 21, 12);
const at = (seconds: number): string => new Date(AT + seconds * SECOND).toISOString();

test('a cursor is two numbers, and nothing else is one', () => {
  assert.deepEqual(parseCursor('1773100800000.42'), { timestampMs: 1_773_100_800_000, id: 42 });
  assert.equal(cursorText({ timestampMs: 5, id: 6 }), '5.6');
  for (const text of ['', '5', '5.', '.6', '5.6.7', '-5.6', '5.x', '9999999999999999.1', ' 5.6']) {
    assert.equal(parseCursor(text), null, text);
  }
});

test('pages of any size hold every event once, newest first, also of one millisecond', (t) => {
  const db = storeDb(t);
  const core = storeCore(db);
  core.commit(recordedCalls(), null);
  // Thirty of one moment, and later ones with earlier times.
  const same = Array.from({ length: 30 }, (_, n) =>
    call({ timestamp: at(0), request_id: `0000aa${10 + n}` }),
  );
  const older = Array.from({ length: 9 }, (_, n) =>
    call({ timestamp: at(-n), request_id: `0000bb${10 + n}` }),
  );
  core.commit(
    [...same, ...older].map((one) => record(one)),
    null,
  );
  const ids = everyEvent(db).map(({ id }) => id);
  for (const limit of [1, 7, 29, 30, 31, 1000]) assert.deepEqual(pagedIds(db, { limit }), ids, String(limit));
  const [first] = list(db, { limit: 1 }).items;
  assert.ok(first);
  const range = { fromMs: AT - 3 * SECOND, toMs: AT };
  const within = everyEvent(db).filter(
    ({ event }) => event.timestampMs >= range.fromMs && event.timestampMs < range.toMs,
  );
  assert.equal(within.length, 3);
  assert.deepEqual(
    pagedIds(db, { ...range, limit: 2 }),
    within.map(({ id }) => id),
  );
  const page = list(db, { ...range });
  assert.equal(page.next, null);
  assert.equal(page.scanned_to_ms, range.fromMs);
  assert.deepEqual(list(storeDb(t)), { items: [], next: null, scanned_to_ms: 0 });
});

test('filters find what they name, and any of several', (t) => {
  const db = storeDb(t);
  const core = storeCore(db);
  const make = (fields: Record<string, unknown>, n: number): ReturnType<typeof record> =>
    record(call({ timestamp: at(n), request_id: `0000000${n}`, ...fields }));
  core.commit(
    [
      {},
      { model: 'gpt-5', alias: 'gpt-5(high)' },
      { model: 'claude-sonnet-4-5', alias: 'house', provider: 'claude', auth_index: 'idx-c' },
      { failed: true, fail: { status_code: 500, body: 'nothing works' }, api_key: 'sk-client-beta-0002' },
      { auth_index: '', source: '', auth_type: '' },
    ].map(make),
    null,
  );
  const rows = new Map(list(db).items.map((row): [string, EventRow] => [row.request_id, row]));
  const beta = rows.get('00000003')?.api_key_hash ?? '';
  const source = rows.get('00000000')?.source ?? '';
  assert.equal(beta.length, 64);
  const ids = (digits: string): string[] => Array.from(digits, (digit) => `0000000${digit}`);
  const cases: ReadonlyArray<readonly [Partial<EventsQuestion>, string]> = [
    [{}, '01234'],
    [{ models: ['gpt-5'] }, '0134'],
    [{ models: ['gpt-5(low)'] }, '0134'],
    [{ models: ['gpt-5(high)'] }, '0134'],
    [{ models: ['house'] }, '2'],
    [{ models: ['house', 'gpt-5'] }, '01234'],
    [{ models: ['GPT-5'] }, ''],
    [{ providers: ['CLAUDE'] }, '2'],
    [{ providers: ['claude', 'codex'] }, '01234'],
    [{ accounts: ['IDX-C'] }, '2'],
    [{ accounts: [source] }, '0123'],
    [{ authIndexes: ['idx-c'] }, '2'],
    [{ authIndexes: ['-'] }, '4'],
    [{ authIndexes: ['idx-c', '-'] }, '24'],
    [{ apiKeyHashes: [beta.toUpperCase()] }, '3'],
    [{ apiKeyHashes: [beta.slice(0, 32)] }, ''],
    [{ failed: true }, '3'],
    [{ failed: false }, '0124'],
    [{ failed: true, models: ['house'] }, ''],
    [{ models: ['nobody'], search: 'gpt' }, ''],
  ];
  for (const [narrower, expected] of cases) {
    assert.deepEqual(found(db, narrower), ids(expected), JSON.stringify(narrower));
  }
});

test('a search finds parts of names and texts, and beginnings of ids', (t) => {
  const db = storeDb(t);
  const core = storeCore(db);
  const trace = (value: string): object => ({ response_headers: { 'X-Request-Id': [value] } });
  const records = [
    call({ timestamp: at(0), request_id: 'abcdef12', user_agent: 'Curl/8.5 ÉCOLE', client_ip: '192.0.2.10' }),
    call({
      timestamp: at(1),
      request_id: 'abcdee99',
      alias: 'weird%model_1',
      ...trace('0190b1c2-aaaa-7bbb-8ccc-123456789abc'),
    }),
    call({ timestamp: at(2), request_id: 'legacy:0042', ...trace('req_0123456789abcdef0123456789abcdef') }),
    call({
      timestamp: at(3),
      request_id: '',
      failed: true,
      fail: { status_code: 429, body: 'Slow DOWN please' },
      ...trace('a1b2c3d4e5f60718-FRA'),
    }),
    call({ timestamp: at(4), request_id: '00112233', ...trace('Some-Other-Trace') }),
  ];
  core.commit(
    records.map((one) => record(one)),
    null,
  );
  const rows = list(db).items.toReversed();
  const numbers = new Map(rows.map(({ id }, index) => [id, index]));
  const search = (text: string): string =>
    pagedIds(db, { search: text })
      .map((id) => String(numbers.get(id)))
      .toSorted((a, b) => a.localeCompare(b))
      .join('');
  const [first] = everyEvent(db).toReversed();
  assert.ok(first);
  const cases: ReadonlyArray<readonly [string, string]> = [
    ['abcdef12', '0'],
    ['ABCDEF', '0'],
    ['abcde', ''],
    ['abcdee9', '1'],
    ['bcdef1', ''],
    ['abcdef123', ''],
    ['école', '0'],
    ['curl/8', '0'],
    ['192.0.2', '0'],
    ['weird%', '1'],
    ['%', '1'],
    ['RD%MODEL_', '1'],
    ['0190b1c2', '1'],
    ['0190b1c2-aaaa-7', '1'],
    ['0190B1C2-AAAA-7BBB-8CCC-123456789ABC', '1'],
    ['0190b1c2aaaa', ''],
    ['0190b1c2-aaab', ''],
    ['req_01234', '2'],
    ['REQ_0123456789abcdef0123456789abcdef', '2'],
    ['req_01235', ''],
    ['legacy:00', '2'],
    ['LEGACY:0042', '2'],
    ['gacy:0042', ''],
    ['slow down', '3'],
    ['a1b2c3', '3'],
    ['a1b2c3d4e5f60718-f', '3'],
    ['a1b2c3d4e5f60718-FRA', '3'],
    ['a1b2c3d4e5f60718-G', ''],
    ['some-other', '4'],
    ['me-other', ''],
    ['gpt-5', '01234'],
    ['POST /v1/resp', '01234'],
    ['nobody knows that', ''],
    [first.event.hash.slice(0, 9), '0'],
    [first.event.hash, '0'],
    [first.event.hash.slice(1), ''],
    [first.event.apiKeyHash.slice(0, 12), '01234'],
    [first.event.apiKeyHash.slice(0, 5), ''],
    [first.event.sourceHash, '01234'],
  ];
  for (const [text, expected] of cases) assert.equal(search(text), expected, text);
  // What is found is remembered; what comes later is found all the same.
  core.commit([record(call({ timestamp: at(5), request_id: '00112255', alias: 'weirder%' }))], null);
  assert.equal(pagedIds(db, { search: 'weird' }).length, 2);
  core.commit([record(call({ timestamp: at(6), request_id: '00112266', alias: 'weirdest' }))], null);
  assert.equal(pagedIds(db, { search: 'Weird' }).length, 3);
});

test('looking for what is rare goes in steps, ends after a while, and goes on from there', (t) => {
  const db = storeDb(t);
  const core = storeCore(db);
  const source = generate({ seed: 3, startMs: AT, everyMs: 50, headers: false });
  core.commit([record(call({ timestamp: at(-60), request_id: '0badf00d' }))], null);
  for (let done = 0; done < 12; done += 1) {
    core.commit(
      Array.from({ length: 1000 }, () => {
        const { payload, atMs } = source.next().value;
        return record(payload, 1, atMs);
      }),
      null,
    );
  }
  // The budget of time is a matter of the machine: here first without end, then of nothing.
  const clock = t.mock.method(performance, 'now', () => 0);
  let steps = 0;
  const question = { ...ALL, search: '0badf00d' };
  const answering = answerEvents(db, question);
  let result = answering.next();
  for (; result.done !== true; result = answering.next()) steps += 1;
  assert.equal(result.value.items.length, 1);
  // One step for each 5,000 rows; the tables that are searched make no step while they are small.
  assert.equal(steps, 2);

  // A step finds a part of a large page only.
  let finding = 0;
  for (const large = answerEvents(db, { ...ALL, limit: 1000 }); large.next().done !== true;) finding += 1;
  assert.ok(finding >= 3);
  // What was looked through is told, and the next page goes on there.
  let time = 0;
  clock.mock.mockImplementation(() => (time += 1000));
  const page = run(answerEvents(db, question));
  assert.deepEqual(page.items, []);
  assert.equal(page.next, `${page.scanned_to_ms}.0`);
  assert.equal(
    db.prepare('SELECT count(*) FROM event WHERE timestamp_ms >= ?').pluck().get(page.scanned_to_ms),
    5000,
  );
  const ids = pagedIds(db, { search: '0badf00d' });
  assert.equal(ids.length, 1);
  assert.equal(
    pagedIds(db, { models: ['gpt-5.4'], limit: 20 }).length,
    everyEvent(db).filter(({ event }) => event.model === 'gpt-5.4').length,
  );
});

test('the way through the events is along the index of their times', (t) => {
  const db = storeDb(t);
  const plans: string[] = [];
  const prepare = db.prepare.bind(db);
  t.mock.method(db, 'prepare', (sql: string) => {
    if (/FROM event\b/.test(sql)) {
      const params = sql
        .replaceAll(/[^?]/g, '')
        .split('')
        .map(() => 0);
      const rows = prepare<number[], { detail: string }>(`EXPLAIN QUERY PLAN ${sql}`).all(...params);
      plans.push(rows.map(({ detail }) => detail).join('; '));
    }
    return prepare(sql);
  });
  for (const narrower of [
    {},
    { failed: true },
    { search: 'abcdef12' },
    { fromMs: 5, toMs: 10 },
    { models: ['gpt-5'] },
  ]) {
    list(db, narrower);
  }
  assert.ok(plans.length >= 8);
  for (const plan of plans) {
    assert.match(
      plan,
      /^SEARCH (e|event) USING (COVERING )?INDEX sqlite_autoindex_event_1 \(timestamp_ms[<>]/,
    );
    assert.doesNotMatch(plan, /SCAN (?!json_each)|TEMP B-TREE FOR ORDER BY/);
  }
});
