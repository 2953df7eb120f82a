import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { ExportReader } from '../../src/lib/store/export-reader.ts';
import { openDatabase } from '../../src/lib/store/open.ts';
import { normalise } from '../../src/lib/usage/normalise.ts';
import { Random } from '../bench/random.ts';
import { CRASH_FRAMES, crashFrame } from '../support/store-crash-frames.ts';
import { count, storeDir } from '../support/store-harness.ts';

const CHILD = fileURLToPath(new URL('../support/store-crash-child.ts', import.meta.url));
const KILLS = 10;

/** Runs the child; kills it when it has begun `commits` commits. Null: lets it finish. */
async function run(dbPath: string, commits: number | null): Promise<void> {
  const child = spawn(process.execPath, [CHILD, dbPath], { stdio: ['ignore', 'pipe', 'inherit'] });
  const exit = once(child, 'exit');
  let begun = 0;
  for await (const _ of createInterface({ input: child.stdout })) {
    begun += 1;
    if (begun === commits) child.kill('SIGKILL');
  }
  const [code, signal]: unknown[] = await exit;
  if (commits === null) assert.equal(code, 0);
  else assert.equal(signal, 'SIGKILL');
}

test('after ten kill -9 at random points every record is stored exactly once', async (t) => {
  const dbPath = path.join(storeDir(t), 'usage.sqlite');
  const random = new Random(20_261_121);
  for (let n = 0; n < KILLS; n += 1) await run(dbPath, 1 + random.below(CRASH_FRAMES / KILLS));
  await run(dbPath, null);

  const expected = new Map<string, number>();
  let letters = 0;
  for (let seq = 0; seq < CRASH_FRAMES; seq += 1) {
    for (const { payload, receivedAtMs, gatewayId } of crashFrame(seq)) {
      const result = normalise(payload, { receivedAtMs, gatewayId });
      if (result.kind === 'event') expected.set(result.event.hash, result.event.reported.total);
      else letters += 1;
    }
  }
  const db = openDatabase(dbPath, { mode: 'read' });
  t.after(() => db.close());
  const stored = new Map<string, number>();
  const reader = new ExportReader(db);
  for (let rows = reader.next(); rows.length > 0; rows = reader.next()) {
    for (const { event } of rows.map((row) => row.stored)) stored.set(event.hash, event.reported.total);
  }
  assert.deepEqual(stored, expected);
  assert.equal(count(db, 'SELECT count(*) FROM event'), expected.size);
  assert.equal(count(db, 'SELECT count(*) FROM dead_letter'), letters);
  assert.equal(count(db, 'SELECT sum(calls) FROM total_5min'), expected.size);
  assert.equal(
    count(db, 'SELECT sum(uncached_input + cache_read + output) FROM total_5min'),
    count(db, 'SELECT sum(uncached_input + cache_read + output) FROM event'),
  );
  assert.equal(db.pragma('integrity_check', { simple: true }), 'ok');
  assert.deepEqual(db.pragma('foreign_key_check'), []);
});
