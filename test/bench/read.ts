/**
 * How long pages of the event list and the dashboard take, asked of the reader's worker, in ms: the first answer and the
 * median of nine more. Goal: 100 ms for the dashboard of a day of 100,000 events.
 *
 *     node test/bench/read.ts [--events 1000000] [--db FILE]
 *
 * Without --db it makes a store of events at 100,000 a day first. A file given stays as it is, and is best one of
 * store-size.ts --keep.
 */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import type { EventsAnswer } from '../../src/lib/contract/api/events.ts';
import { parseCursor } from '../../src/lib/store/event-cursor.ts';
import { openDatabase } from '../../src/lib/store/open.ts';
import type { EventsQuestion } from '../../src/lib/store/queries/events.ts';
import type { Question } from '../../src/lib/store/queries/index.ts';
import { Reader } from '../../src/lib/store/reader.ts';
import { ALL } from '../support/questions.ts';
import { record, storeCore } from '../support/store-harness.ts';
import { generate } from './generate.ts';

const { values } = parseArgs({
  options: { events: { type: 'string', default: '1000000' }, db: { type: 'string' } },
});
const DAY_MS = 86_400_000;
const BATCH = 1000;

function makeStore(dbPath: string, events: number): void {
  const db = openDatabase(dbPath, { mode: 'write' });
  db.pragma('synchronous = OFF');
  const core = storeCore(db);
  const gatewayId = core.gateway('http://127.0.0.1:8317');
  const source = generate({
    seed: 1,
    startMs: Date.UTC(2026, 0, 1),
    everyMs: DAY_MS / 100_000,
    headers: false,
  });
  for (let done = 0; done < events; done += BATCH) {
    const batch = Array.from({ length: Math.min(BATCH, events - done) }, () => {
      const { payload, atMs } = source.next().value;
      return record(payload, gatewayId, atMs);
    });
    core.commit(batch, null);
  }
  db.pragma('wal_checkpoint(TRUNCATE)');
  db.close();
}

const dir = values.db === undefined ? fs.mkdtempSync(path.join(os.tmpdir(), 'cpamp-bench-')) : null;
const dbPath = values.db ?? path.join(dir ?? '', 'usage.sqlite');
if (dir !== null) makeStore(dbPath, Number(values.events));

const reader = new Reader({ dbPath });
const ask = async <T>(question: Question): Promise<T> => {
  const value: T = JSON.parse(Buffer.concat(await reader.ask(question)).toString('utf8'));
  return value;
};

const list = (narrower: Partial<EventsQuestion>): Promise<EventsAnswer> =>
  ask({ kind: 'events', params: { ...ALL, ...narrower } });

const figures: Record<string, unknown> = {};
async function time<T>(
  name: string,
  work: () => Promise<T>,
  note: (answer: T) => object = () => ({}),
): Promise<T> {
  const took: number[] = [];
  let answer = await work();
  for (let run = 0; run < 10; run += 1) {
    const begun = performance.now();
    answer = await work();
    took.push(performance.now() - begun);
  }
  const [first = 0, ...more] = took;
  const median = more.toSorted((a, b) => a - b)[Math.floor(more.length / 2)] ?? 0;
  figures[name] = { firstMs: round(first), medianMs: round(median), ...note(answer) };
  return answer;
}
const round = (ms: number): number => Math.round(ms * 10) / 10;
const rows = ({ items, next }: EventsAnswer): object => ({ rows: items.length, more: next !== null });

const begun = performance.now();
const newest = await list({ limit: 1 });
figures['startOfTheWorkerMs'] = round(performance.now() - begun);
const newestMs = newest.items[0]?.timestamp_ms ?? 0;

await time('first page', () => list({}), rows);
await time('first page of 1000', () => list({ limit: 1000 }), rows);
const deep = await list({ before: { timestampMs: newestMs - 4 * DAY_MS, id: 0 }, limit: 1000 });
const before = parseCursor(deep.next ?? '');
await time('a page four days deep', () => list({ before }), rows);
await time('failed ones', () => list({ failed: true }), rows);
await time('a rare model', () => list({ models: ['gemini-2.0-flash'] }), rows);
await time('a model without events', () => list({ models: ['nobody-knows'] }), rows);
await time('search for a name', () => list({ search: 'KIMI' }), rows);
await time('search for a request id', () => list({ search: 'ffffff77' }), rows);

/** All pages of a question that has few events. */
async function toTheEnd(question: Partial<EventsQuestion>): Promise<object> {
  const start = performance.now();
  let pages = 0;
  let found = 0;
  let next: string | null = '';
  while (next !== null) {
    const page: EventsAnswer = await list({ ...question, before: parseCursor(next) });
    pages += 1;
    found += page.items.length;
    ({ next } = page);
  }
  return { pages, found, ms: round(performance.now() - start) };
}
figures['a request id through everything'] = await toTheEnd({ search: 'ffffff77' });
figures['five seconds of everything'] = await toTheEnd({ fromMs: newestMs - 5000 });

const nowMs = newestMs + 1;
const dashboard = (startMs: number): Promise<unknown> =>
  ask({
    kind: 'dashboard',
    params: { startMs, nowMs, generatedAtMs: nowMs, topModels: 5, recentFailures: 5 },
  });
const startMs = Math.ceil((nowMs - DAY_MS) / 300_000) * 300_000;
const cold = performance.now();
await dashboard(startMs);
figures['dashboard of 24 hours, first'] = round(performance.now() - cold);
await time('dashboard of 24 hours, again', () => dashboard(startMs));
await time('dashboard of 24 hours, not remembered', () => dashboard(startMs + 1));
const whole = performance.now();
await dashboard(1);
figures['dashboard of everything'] = round(performance.now() - whole);

await reader.close();
if (dir !== null) fs.rmSync(dir, { recursive: true, force: true });
process.stdout.write(`${JSON.stringify(figures, null, 2)}\n`);
