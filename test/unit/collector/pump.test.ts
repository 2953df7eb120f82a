import assert from 'node:assert/strict';
import test from 'node:test';
import type { RawRecord } from '../../../src/lib/contract/record.ts';
import { AppError } from '../../../src/lib/errors.ts';
import { pump } from '../../../src/daemon/collector/pump.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { FakeWriter, MemoryInbox } from '../../support/fakes.ts';

const records = (count: number, tag: string): RawRecord[] =>
  Array.from({ length: count }, (_, index) => ({
    payload: Buffer.from(`${tag}-${index}`),
    receivedAtMs: 1,
    transport: 'http',
    gatewayId: 1,
  }));

/** Runs the pump until `total` records are committed. */
async function pumpUntil(total: number, inbox: MemoryInbox, writer: FakeWriter, clock = new FakeClock()) {
  const abort = new AbortController();
  const troubles: Array<string | null> = [];
  let stored = 0;
  const done = pump(
    {
      inbox,
      writer,
      clock,
      from: null,
      onCommit: (result) => {
        stored += result.inserted;
        if (stored >= total) abort.abort();
      },
      onTrouble: (code) => troubles.push(code),
    },
    abort.signal,
  );
  return { done, troubles };
}

test('frames that wait are joined up to 1,000 records and never split', async () => {
  const inbox = new MemoryInbox();
  const writer = new FakeWriter();
  for (let frame = 0; frame < 7; frame += 1) await inbox.append(records(300, `f${frame}`));
  const { done } = await pumpUntil(2_100, inbox, writer);
  await done;
  assert.deepEqual(
    writer.commits.map((commit) => commit.records.length),
    [900, 900, 300],
  );
  assert.deepEqual(
    inbox.released.map((position) => position.seq),
    [2, 5, 6],
  );
  const seen = writer.commits.flatMap((commit) =>
    commit.records.map((r) => Buffer.from(r.payload).toString()),
  );
  assert.equal(seen[0], 'f0-0');
  assert.equal(new Set(seen).size, 2_100);
});

test('a commit that fails is tried again with the same records until it works', async () => {
  const inbox = new MemoryInbox();
  const writer = new FakeWriter();
  const clock = new FakeClock();
  await inbox.append(records(3, 'a'));
  writer.fail = new AppError('database_locked');
  const { done, troubles } = await pumpUntil(3, inbox, writer, clock);
  await clock.someoneSleeps();
  assert.deepEqual(troubles, ['database_locked']);
  assert.deepEqual(inbox.released, [], 'nothing is given up before it is stored');
  writer.fail = null;
  await clock.advance(250);
  await done;
  assert.deepEqual(troubles, ['database_locked', null]);
  assert.equal(writer.commits[0]?.records.length, 3);
});
