/**
 * How large the store grows and how fast it takes events. Goals at 1,000,000 events, everything in the directory after
 * a checkpoint: 150 bytes an event without response headers, 270 with.
 *
 *     node test/bench/store-size.ts [--events 1000000] [--headers] [--keep DIR]
 */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import type { PriceCard } from '../../src/lib/contract/pricing.ts';
import type { RawRecord } from '../../src/lib/contract/record.ts';
import { createPriceBook } from '../../src/lib/pricing/book.ts';
import { createEmbeddedBook } from '../../src/lib/pricing/embedded.ts';
import { price } from '../../src/lib/pricing/price.ts';
import { openDatabase } from '../../src/lib/store/open.ts';
import { WriterCore } from '../../src/lib/store/writer-core.ts';
import { normalise } from '../../src/lib/usage/normalise.ts';
import { generate } from './generate.ts';

const { values } = parseArgs({
  options: {
    events: { type: 'string', default: '1000000' },
    headers: { type: 'boolean', default: false },
    /** Makes the database here and leaves it, for benchmarks that need one. */
    keep: { type: 'string' },
  },
});
const total = Number(values.events);
const headers = values.headers;
const BATCH = 1000;

const dir = values.keep ?? fs.mkdtempSync(path.join(os.tmpdir(), 'cpamp-bench-'));
fs.mkdirSync(dir, { recursive: true });
const dbPath = path.join(dir, 'usage.sqlite');
const db = openDatabase(dbPath, { mode: 'write' });
const embedded = createEmbeddedBook();
const none: ReadonlyMap<string, PriceCard> = new Map();
const core = new WriterCore(db, {
  normalise,
  price,
  book: (_, revision) => createPriceBook({ manual: none, synced: none, revision, embedded }),
  letterKeys: null,
  redact: (text) => text,
  now: Date.now,
});
const gatewayId = core.gateway('http://127.0.0.1:8317');
const source = generate({ seed: 1, startMs: Date.UTC(2026, 0, 1), everyMs: 2600, headers });

let generateMs = 0;
let commitMs = 0;
let slowest = 0;
let payloadBytes = 0;
for (let done = 0; done < total; done += BATCH) {
  const start = performance.now();
  const records: RawRecord[] = [];
  for (let n = 0; n < Math.min(BATCH, total - done); n += 1) {
    const { payload, atMs } = source.next().value;
    payloadBytes += payload.length;
    records.push({ payload, receivedAtMs: atMs, transport: 'subscribe', gatewayId });
  }
  const generated = performance.now();
  core.commit(records, { segment: 'bench', seq: done / BATCH });
  const end = performance.now();
  generateMs += generated - start;
  commitMs += end - generated;
  slowest = Math.max(slowest, end - generated);
  if ((done / BATCH) % 20 === 19) db.pragma('wal_checkpoint(PASSIVE)');
}

db.pragma('wal_checkpoint(TRUNCATE)');
const parts = db
  .prepare<[], { name: string; bytes: number }>(
    'SELECT name, sum(pgsize) AS bytes FROM dbstat GROUP BY name ORDER BY bytes DESC LIMIT 6',
  )
  .all();
const unpriced = db.prepare<[], number>('SELECT count(*) FROM event WHERE cost_nano IS NULL').pluck().get();
db.close();
const bytes = fs.readdirSync(dir).reduce((sum, name) => sum + fs.statSync(path.join(dir, name)).size, 0);
if (values.keep === undefined) fs.rmSync(dir, { recursive: true });

console.log(`events             ${total}${headers ? ' with response headers' : ''}, ${unpriced} unpriced`);
console.log(`record             ${(payloadBytes / total).toFixed(0)} bytes as received`);
console.log(`generated          ${Math.round(total / (generateMs / 1000))} /s`);
console.log(
  `stored             ${Math.round(total / (commitMs / 1000))} /s, slowest batch ${slowest.toFixed(0)} ms`,
);
console.log(`bytes an event     ${(bytes / total).toFixed(1)} (goal ${headers ? 270 : 150})`);
for (const part of parts) console.log(`  ${part.name.padEnd(28)} ${(part.bytes / total).toFixed(1)}`);
