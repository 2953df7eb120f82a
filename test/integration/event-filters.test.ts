import assert from 'node:assert/strict';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import * as fc from 'fast-check';
import { eventFilterOf, type EventFilterOptions } from '../../src/commands/shared/event-filter.ts';
import { systemClock } from '../../src/lib/clock.ts';
import type { EventsAnswer } from '../../src/lib/contract/api/events.ts';
import { EventTail } from '../../src/lib/store/event-tail.ts';
import { ExportReader } from '../../src/lib/store/export-reader.ts';
import { openDatabase } from '../../src/lib/store/open.ts';
import type { EventFilter } from '../../src/lib/store/queries/event-filter.ts';
import type { Db } from '../../src/lib/store/sqlite.ts';
import { runCli } from '../support/cli.ts';
import { tempDir, type DaemonProcess } from '../support/daemon.ts';
import { everyKindDir } from '../support/exporting.ts';
import { startReady } from '../support/http.ts';

const RUNS = 60;

const ascending = (ids: readonly number[]): number[] => ids.toSorted((a, b) => a - b);

function reading(t: TestContext, dataDir: string): Db {
  const db = openDatabase(join(dataDir, 'usage.sqlite'), { mode: 'read', busyTimeoutMs: 5000 });
  t.after(() => db.close());
  return db;
}

/** Options that choose among events such as these, by all that they have and by some that none has. */
function someOptions(db: Db): EventFilterOptions[] {
  const texts = (sql: string): string[] => db.prepare<[], string>(sql).pluck().all();
  const times = db.prepare<[], number>('SELECT timestamp_ms FROM event').pluck().all();
  const turnedCase = fc.func(fc.boolean());
  const any = (values: readonly string[], none = 'no such name'): fc.Arbitrary<string[]> =>
    fc.array(fc.constantFrom(none, ...values), { minLength: 1, maxLength: 3 });
  const inAnyCase = (values: readonly string[]): fc.Arbitrary<string[]> =>
    fc
      .tuple(any(values), turnedCase)
      .map(([some, isUpper]) => some.map((value) => (isUpper(value) ? value.toUpperCase() : value)));
  // What is at the edge matters.
  const time = fc
    .tuple(fc.constantFrom(...times), fc.constantFrom(-1, 0, 0, 1))
    .map(([ms, beside]) => new Date(ms + beside).toISOString());
  const span = fc
    .tuple(fc.constantFrom('since', 'until', 'both'), time, time)
    .map(([ends, one, other]): Pick<EventFilterOptions, 'since' | 'until'> => {
      if (ends === 'since') return { since: one };
      const [since = one, until = one] = [one, other].toSorted();
      return ends === 'until' || since === until ? { until } : { since, until };
    });
  const credentials = texts(
    `SELECT DISTINCT value FROM (
       SELECT account AS value FROM credential UNION SELECT label FROM credential
       UNION SELECT source FROM credential UNION SELECT auth_index FROM credential)
     WHERE value <> '' AND value NOT IN (SELECT file FROM credential)`,
  );
  const models = texts("SELECT DISTINCT name FROM model WHERE name <> ''");
  const one: fc.Arbitrary<EventFilterOptions> = fc.oneof(
    fc.record({ model: any([...models, ...models.slice(0, 5).map((name) => `${name}(high)`)]) }),
    fc.record({
      provider: inAnyCase([
        ...texts("SELECT name FROM provider WHERE name <> ''"),
        ...texts("SELECT DISTINCT auth_provider FROM credential WHERE auth_provider <> ''"),
      ]),
    }),
    fc.record({ credential: inAnyCase(credentials) }),
    fc.record({ key: any(texts('SELECT hash FROM client_key'), 'ab'.repeat(32)) }),
    fc.record({ failed: fc.constant(true as const) }),
    span,
  );
  // More than two of them choose nothing in the end.
  const two = fc.tuple(one, one).map(([first, second]) => ({ ...first, ...second }));
  return fc.sample(fc.oneof(one, two), { numRuns: RUNS, seed: 7 });
}

function exportedIds(db: Db, filter: EventFilter): number[] {
  const reader = new ExportReader(db, { filter });
  const ids: number[] = [];
  for (let rows = reader.step(); rows !== null; rows = reader.step()) {
    ids.push(...rows.map(({ stored }) => stored.id));
  }
  return ids;
}

function tailedIds(tail: EventTail): number[] {
  const ids: number[] = [];
  for (;;) {
    const { rows, more } = tail.next();
    ids.push(...rows.map(({ id }) => id));
    if (!more) return ids;
  }
}

/** As the panel asks. */
async function listedIds(daemon: DaemonProcess, filter: EventFilter): Promise<number[]> {
  const query = new URLSearchParams({ limit: '1000' });
  if (filter.fromMs !== null) query.set('from_ms', String(filter.fromMs));
  if (filter.toMs !== null) query.set('to_ms', String(filter.toMs));
  if (filter.failed !== null) query.set('status', filter.failed ? 'failed' : 'success');
  for (const [name, values] of [
    ['model', filter.models],
    ['provider', filter.providers],
    ['account', filter.credentials ?? []],
    ['api_key_hash', filter.apiKeyHashes],
  ] as const) {
    for (const value of values) query.append(name, value);
  }
  const ids: number[] = [];
  for (let before: string | null = ''; before !== null;) {
    query.set('before', before);
    const page: EventsAnswer = await daemon.json<EventsAnswer>(`/v0/management/events?${query.toString()}`);
    ids.push(...page.items.map(({ id }) => id));
    before = page.next;
  }
  return ids;
}

const asArguments = (options: EventFilterOptions): string[] =>
  Object.entries(options).flatMap(([name, value]) => {
    if (value === undefined) return [];
    if (value === true) return [`--${name}`];
    return [value].flat().flatMap((one) => [`--${name}`, one]);
  });

test('equal filters choose equal events: in an export, in a list, and in what is followed', async (t) => {
  const known = reading(t, await everyKindDir(t));
  const dataDir = tempDir(t);
  openDatabase(join(dataDir, 'usage.sqlite'), { mode: 'write' }).close();
  const cases = someOptions(known).map((options) => {
    const filter = eventFilterOf(options, known, systemClock);
    return { options, filter, tail: new EventTail(reading(t, dataDir), filter) };
  });
  await everyKindDir(t, dataDir);
  const db = reading(t, dataDir);
  const daemon = await startReady(t, { dataDir });
  const sizes = new Set<number>();
  for (const { options, filter, tail } of cases) {
    const exported = ascending(exportedIds(db, filter));
    const about = JSON.stringify(options);
    assert.deepEqual(ascending(tailedIds(tail)), exported, `followed: ${about}`);
    assert.deepEqual(ascending(await listedIds(daemon, filter)), exported, `listed: ${about}`);
    sizes.add(exported.length);
  }
  assert.ok(sizes.size > 10 && sizes.has(0), 'they are of many kinds');

  // And so do the commands, which make the filters of what is typed.
  const [first] = cases.filter(({ options }) => options.credential && options.since);
  for (const { options, filter } of [...cases.slice(0, 2), ...(first ? [first] : [])]) {
    const args = ['--data-dir', dataDir, ...asArguments(options)];
    const number = exportedIds(db, filter).length;
    for (const command of [['export'], ['events', '--json', '--limit', '10000']]) {
      const { code, stdout } = await runCli(t, [...command, ...args]);
      assert.deepEqual([code, stdout.split('\n').length - 1], [0, number], args.join(' '));
    }
  }
  assert.equal(await daemon.stop(), 0);
});

test('a name that is blank chooses nothing by mistake', async (t) => {
  const dataDir = await everyKindDir(t);
  for (const name of ['model', 'provider', 'credential', 'key']) {
    const { code, stdout, stderr } = await runCli(t, ['export', '--data-dir', dataDir, `--${name}`, ' ']);
    assert.deepEqual([code, stdout], [2, ''], name);
    assert.match(stderr, /It is empty/);
  }
});
