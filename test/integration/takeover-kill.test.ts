import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import test from 'node:test';
import { openDatabase } from '../../src/lib/store/open.ts';
import { readTakeover, type TakeoverState } from '../../src/lib/store/takeover-state.ts';
import { exported } from '../support/importing.ts';
import { makeOldVolume } from '../support/old-volumes/make.ts';
import { Random } from '../support/old-volumes/random.ts';
import { count, storeDir } from '../support/store-harness.ts';
import { reportOf } from '../support/takeover.ts';

const KILLS = 6;
/** More than are stored if every kill comes too late for its batch. */
const EVENTS = 100 * (KILLS + 1);

/** Runs a takeover, and kills it soon after it began so many batches, the last it may; whether it came to its end. */
async function run(oldDir: string, dbPath: string, batches: number, delayMs = 0): Promise<boolean> {
  const script = path.join(import.meta.dirname, '../support/takeover-child.ts');
  const child = spawn(process.execPath, [script, oldDir, dbPath], { stdio: ['pipe', 'pipe', 'inherit'] });
  const exit = once(child, 'exit');
  let begun = 0;
  let done = false;
  for await (const line of createInterface({ input: child.stdout })) {
    if (line === 'done') done = true;
    else if (begun < batches) {
      begun += 1;
      child.stdin.write('go on\n');
      // In the middle of what this batch began.
      if (begun === batches) setTimeout(() => child.kill('SIGKILL'), delayMs);
    }
  }
  const [code] = await exit;
  if (code !== null) assert.equal(code, 0);
  return done;
}

function stateOf(dbPath: string): TakeoverState | null {
  const db = openDatabase(dbPath, { mode: 'read' });
  try {
    return readTakeover(db, 'volume');
  } finally {
    db.close();
  }
}

/** Every event that came from the old volume, as it is exported; and how many came live. */
async function linesOf(
  dbPath: string,
): Promise<{ readonly copied: readonly string[]; readonly live: number }> {
  const all = (await exported(dbPath)).trimEnd().split('\n');
  const copied = all.filter((line) => !line.includes('"request_id":"live-'));
  return { copied: copied.sort(), live: all.length - copied.length };
}

test('a takeover that is killed again and again ends as an undisturbed one', async (t) => {
  const random = new Random(20261121);
  const oldDir = path.join(storeDir(t), 'old');
  makeOldVolume(oldDir, { generation: 'cpa-manager-plus-1.12.2', events: EVENTS, inWal: 'tail' });
  const whole = path.join(storeDir(t), 'usage.sqlite');
  assert.ok(await run(oldDir, whole, Infinity));
  const dbPath = path.join(storeDir(t), 'usage.sqlite');
  let last = 0;
  for (let kill = 0; kill < KILLS; kill += 1) {
    assert.equal(await run(oldDir, dbPath, 1, 10 + random.below(400)), false);
    const position = stateOf(dbPath)?.position ?? 0;
    assert.ok(position >= last, 'a position never goes back');
    last = position;
  }
  assert.ok(last < EVENTS);
  assert.ok(await run(oldDir, dbPath, Infinity));
  const [disturbed, undisturbed] = [await linesOf(dbPath), await linesOf(whole)];
  assert.equal(disturbed.copied.length, undisturbed.copied.length);
  const differing = disturbed.copied.filter((line, index) => line !== undisturbed.copied[index]);
  assert.deepEqual(differing, []);
  assert.ok(disturbed.live > 0 && undisturbed.live > 0);
  const state = stateOf(dbPath);
  assert.deepEqual(
    [state?.added, state?.duplicates, state?.refused, state?.endedAtMs !== null],
    [EVENTS, 0, 0, true],
  );
  const report = await reportOf(oldDir, dbPath);
  assert.deepEqual([report.state, report.differences], ['equal', []]);
  for (const file of [dbPath, whole]) {
    const db = openDatabase(file, { mode: 'read' });
    assert.equal(count(db, 'select sum(calls) from total_5min'), count(db, 'select count(*) from event'));
    assert.ok(count(db, 'select count(*) from dead_letter') > 0);
    db.close();
  }
});
