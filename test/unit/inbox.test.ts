import assert from 'node:assert/strict';
import { readFile, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'node:test';
import type { Position } from '../../src/lib/contract/inbox.ts';
import {
  FaultyFiles,
  names,
  numbers,
  openTest,
  range,
  readAll,
  readRecords,
  record,
  records,
  SECRET,
  SpoolClock,
} from '../support/inbox-harness.ts';

test('what was appended is read back in order, with everything it came with', async (t) => {
  const { inbox, dir } = await openTest(t);
  const odd = { ...record(0), truncatedFrom: 9_000_000, transport: 'subscribe' as const, gatewayId: 77 };
  assert.equal(await inbox.append([odd, record(1)]), 'more');
  assert.equal(await inbox.append([]), 'more');
  await inbox.append([record(2)]);
  await inbox.close();
  const again = await openTest(t, { dir });
  assert.equal(again.inbox.status().records, 3);
  const frames = await readAll(again.inbox);
  assert.deepEqual(numbers(frames), [0, 1, 2]);
  const first = frames[0]?.records[0];
  assert.deepEqual({ ...first, payload: Buffer.from(first?.payload ?? []) }, odd);
  assert.deepEqual(again.damage, []);
});

test('nothing of a payload is readable on disk, and nobody else may look', async (t) => {
  const { inbox, dir } = await openTest(t);
  await inbox.append(records(0, 500));
  for (const name of await readdir(dir)) {
    const path = join(dir, name);
    const bytes = await readFile(path);
    assert.ok(bytes.length > 500 * 200);
    assert.ok(!bytes.includes(SECRET.slice(0, 12)) && !bytes.includes('....'));
    assert.equal((await stat(path)).mode & 0o777, 0o600);
  }
  assert.equal((await stat(dir)).mode & 0o777, 0o700);
});

test('records wait 5 ms for company, and 200 of them do not wait', async (t) => {
  const clock = new SpoolClock();
  const { inbox } = await openTest(t, { clock, limits: { lingerMs: 5 } });
  const few = Promise.all([inbox.append(records(0, 1)), inbox.append(records(1, 2))]);
  await clock.someoneSleeps();
  await clock.advance(4);
  assert.equal(inbox.status().records, 0);
  await clock.advance(1);
  await few;
  const late = inbox.append(records(3, 150));
  await clock.someoneSleeps();
  await Promise.all([late, inbox.append(records(153, 100))]);
  const frames = await readAll(inbox);
  assert.deepEqual(
    frames.map((frame) => frame.records.length),
    [3, 200, 50],
  );
  assert.deepEqual(numbers(frames), range(0, 253));
});

test('a frame also closes at its bytes, and many frames share one fdatasync', async (t) => {
  const files = new FaultyFiles();
  const { inbox } = await openTest(t, { files, limits: { frameBytes: 10_000 } });
  await inbox.append([record(0)]);
  const before = files.count('sync');
  await inbox.append([...records(1, 100, 1000), record(101, 50_000)]);
  assert.equal(files.count('sync'), before + 1);
  const frames = await readAll(inbox);
  assert.deepEqual(numbers(frames), range(0, 102));
  assert.ok(frames.length > 10);
  for (const frame of frames.slice(0, -1)) {
    assert.ok(frame.records.reduce((sum, { payload }) => sum + payload.length, 0) <= 10_000);
  }
  assert.equal(frames.at(-1)?.records.length, 1);
});

test('a position is where reading goes on, in this run and the next', async (t) => {
  const { inbox, dir } = await openTest(t, { limits: { segmentBytes: 3000 } });
  for (const n of range(0, 40)) await inbox.append([record(n)]);
  const frames = await readAll(inbox);
  const positions = frames.map((frame) => frame.position);
  assert.ok(new Set(positions.map((position) => position.segment)).size > 3);
  for (const n of [0, 10, 11, 12, 13, 14, 15, 30]) {
    assert.deepEqual(numbers(await readRecords(inbox, 39 - n, positions[n])), range(n + 1, 39 - n));
  }
  await inbox.close();
  const after = positions[17] ?? null;
  const again = await openTest(t, { dir, after });
  assert.equal(again.inbox.status().records, 22);
  assert.deepEqual(numbers(await readAll(again.inbox, after)), range(18, 22));
});

test('a waiting reader is woken by a new frame, and ends with its signal or the inbox', async (t) => {
  const { inbox } = await openTest(t);
  const stop = new AbortController();
  const reading = inbox.read(null, stop.signal)[Symbol.asyncIterator]();
  const first = reading.next();
  await inbox.append([record(0)]);
  assert.deepEqual(numbers([(await first).value]), [0]);
  const second = reading.next();
  stop.abort();
  assert.equal((await second).done, true);
  const other = inbox.read(null, new AbortController().signal)[Symbol.asyncIterator]();
  await other.next();
  const end = other.next();
  await inbox.close();
  assert.equal((await end).done, true);
});

test('a reader that keeps up needs no disk; one that fell behind reads the files', async (t) => {
  const files = new FaultyFiles();
  const { inbox } = await openTest(t, { files, limits: { tailBytes: 50_000, frameBytes: 5_000 } });
  await inbox.append(records(0, 100));
  assert.deepEqual(numbers(await readAll(inbox)), range(0, 100));
  assert.equal(files.count('read'), 0);
  await inbox.append(records(100, 900));
  assert.deepEqual(numbers(await readAll(inbox)), range(0, 1000));
  const reads = files.count('read');
  assert.ok(reads > 10);
  // The newest frames are in memory still: only the others were read.
  assert.ok(reads < (await readAll(inbox)).length - 5);
});

test('a reader holds one file at most, and none while it waits', async (t) => {
  const files = new FaultyFiles();
  const { inbox } = await openTest(t, { files, limits: { tailBytes: 0, segmentBytes: 3000 } });
  for (const n of range(0, 25)) await inbox.append([record(n)]);
  const stop = new AbortController();
  const reading = inbox.read(null, stop.signal)[Symbol.asyncIterator]();
  for (const n of range(0, 25)) {
    assert.deepEqual(numbers([(await reading.next()).value]), [n]);
    assert.equal(files.reading, 1);
  }
  // It opens the file again that it had let go to wait.
  const opened = files.count('open');
  const next = reading.next();
  await inbox.append([record(25)]);
  await next;
  assert.deepEqual([files.reading, files.count('open')], [1, opened + 1]);
  const end = reading.next();
  stop.abort();
  await end;
  assert.equal(files.reading, 0);
});

test('whoever stops reading leaves no file open, and waits for nothing', { timeout: 20_000 }, async (t) => {
  const files = new FaultyFiles();
  const { inbox } = await openTest(t, { files, limits: { tailBytes: 0 } });
  await inbox.append([record(0)]);
  await inbox.append([record(1)]);
  const never = new AbortController().signal;
  const between = inbox.read(null, never)[Symbol.asyncIterator]();
  await between.next();
  assert.equal(files.reading, 1);
  await between.return?.();
  assert.equal(files.reading, 0);
  const atDisk = inbox.read(null, never)[Symbol.asyncIterator]();
  await atDisk.next();
  void atDisk.next();
  await atDisk.return?.();
  assert.equal(files.reading, 0);
  const waiting = inbox.read(null, never)[Symbol.asyncIterator]();
  await waiting.next();
  await waiting.next();
  const next = waiting.next();
  await waiting.return?.();
  assert.equal((await next).done, true);
  assert.equal(files.reading, 0);
  for await (const { position } of inbox.read(null, never)) {
    assert.equal(position.seq, 0);
    break;
  }
  assert.equal(files.reading, 0);
});

test('a segment that is wholly released is deleted, no other', async (t) => {
  const { inbox, dir } = await openTest(t, { limits: { segmentBytes: 3000 } });
  for (const n of range(0, 30)) await inbox.append([record(n)]);
  const positions = (await readAll(inbox)).map((frame) => frame.position);
  const segments = [...new Set(positions.map((position) => position.segment))];
  const inSecond = positions.filter((position) => position.segment === segments[1]);
  assert.deepEqual(
    await names(dir, '.seg'),
    segments.map((id) => `${id}.seg`),
  );
  const before = inbox.status().bytes;
  await inbox.release(inSecond[0]!);
  assert.deepEqual(
    await names(dir, '.seg'),
    segments.slice(1).map((id) => `${id}.seg`),
  );
  assert.ok(inbox.status().bytes < before);
  assert.equal(inbox.status().records, 30 - positions.indexOf(inSecond[0]!) - 1);
  await inbox.release(inSecond.at(-1)!);
  assert.deepEqual(
    await names(dir, '.seg'),
    segments.slice(2).map((id) => `${id}.seg`),
  );
  assert.equal(inbox.status().segments, segments.length - 2);
});

test('an idle spool whose records are all stored takes no room, and a busy one keeps its segment', async (t) => {
  const clock = new SpoolClock();
  const files = new FaultyFiles();
  const { inbox, dir } = await openTest(t, { clock, files, limits: { idleMs: 10_000 } });
  let last: Position | null = null;
  const appendAndRelease = async (n: number): Promise<void> => {
    await inbox.append([record(n)]);
    last = (await readRecords(inbox, 1, last)).at(-1)?.position ?? null;
    await inbox.release(last!);
  };
  for (const n of range(0, 5)) {
    await appendAndRelease(n);
    await clock.advance(9_000);
  }
  assert.equal(files.count('create'), 1);
  assert.equal(inbox.status().segments, 1);
  await clock.advance(20_000);
  // Sealed by the writing loop, which then deletes it: an append afterwards goes to a new segment.
  await appendAndRelease(5);
  assert.equal(files.count('create'), 2);
  assert.equal((await names(dir, '.seg')).length, 1);
  await inbox.close();
  assert.deepEqual(await readdir(dir), []);
  assert.equal(inbox.status().bytes, 0);
});

test('new segments sort behind the stored position even when the wall clock went back', async (t) => {
  const clock = new SpoolClock();
  const { inbox, dir } = await openTest(t, { clock });
  await inbox.append([record(0)]);
  const after = (await readAll(inbox))[0]?.position ?? null;
  await inbox.release(after!);
  await inbox.close();
  assert.deepEqual(await readdir(dir), []);
  clock.jump(-1_000_000_000);
  const again = await openTest(t, { dir, clock, after });
  await again.inbox.append([record(1)]);
  assert.deepEqual(numbers(await readAll(again.inbox, after)), [1]);
});

test('after the close nothing is taken any more', async (t) => {
  const { inbox } = await openTest(t);
  const pending = inbox.append([record(0)]);
  await inbox.close();
  assert.equal(await pending, 'more');
  await assert.rejects(inbox.append([record(1)]), /closed/);
});
