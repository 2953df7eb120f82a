import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import test from 'node:test';
import type { TestContext } from 'node:test';
import { numbers, openTest, range, readAll, tempDir } from '../support/inbox-harness.ts';

const ROUNDS = 20;
const PROGRAM = new URL('../support/inbox-child.ts', import.meta.url).pathname;

/** Lets the child append until it acknowledged `kill` records, kills it, and returns all it acknowledged. */
async function killAfter(t: TestContext, dir: string, first: number, kill: number): Promise<number[]> {
  const child = spawn(process.execPath, [PROGRAM, dir, String(first), '1000000'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => child.kill('SIGKILL'));
  const exited = once(child, 'exit');
  const acknowledged: number[] = [];
  const other: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    if (!/^\d+$/.test(line)) {
      other.push(line);
      continue;
    }
    acknowledged.push(Number(line));
    if (acknowledged.length === kill) child.kill('SIGKILL');
  }
  const [, signal] = await exited;
  assert.deepEqual([signal, other], ['SIGKILL', ['open']]);
  return acknowledged;
}

test('whatever was acknowledged before a kill is read back, once and in order', async (t) => {
  const dir = join(await tempDir(t), 'spool');
  const acknowledged: number[] = [];
  let read: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const first = round * 1_000_000;
    const kill = 1 + Math.floor(Math.random() * 4000);
    const confirmed = await killAfter(t, dir, first, kill);
    assert.deepEqual(confirmed, range(first, confirmed.length), `killed after ${kill}`);
    acknowledged.push(...confirmed);
    const { inbox, damage } = await openTest(t, { dir });
    read = numbers(await readAll(inbox));
    await inbox.close();
    assert.deepEqual(damage, [], `killed after ${kill}`);
    // What was durable but not yet acknowledged may be there too: a run from the first of this round on.
    const mine = read.filter((n) => n >= first);
    assert.deepEqual(mine, range(first, mine.length), `killed after ${kill}`);
    assert.ok(mine.length >= confirmed.length, `killed after ${kill}`);
  }
  assert.deepEqual(
    read.toSorted((a, b) => a - b),
    read,
  );
  assert.equal(new Set(read).size, read.length);
  const there = new Set(read);
  assert.deepEqual(
    acknowledged.filter((n) => !there.has(n)),
    [],
  );
});
