import assert from 'node:assert/strict';
import { appendFile, readFile, truncate, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'node:test';
import type { TestContext } from 'node:test';
import {
  FRAME_HEADER_BYTES,
  HEADER_BYTES,
  readFrameHeader,
} from '../../src/daemon/collector/inbox/format.ts';
import type { SpoolDamage } from '../../src/daemon/collector/inbox/options.ts';
import {
  FaultyFiles,
  names,
  numbers,
  openTest,
  otherBox,
  range,
  readAll,
  readRecords,
  record,
  systemError,
} from '../support/inbox-harness.ts';

/** A closed spool of single-record frames 0, 1, 2, ... over several segments. */
async function spoolOf(t: TestContext, count: number): Promise<{ dir: string; files: string[] }> {
  const { inbox, dir } = await openTest(t, { limits: { segmentBytes: 3000 } });
  for (const n of range(0, count)) await inbox.append([record(n)]);
  await inbox.close();
  return { dir, files: (await names(dir, '.seg')).map((name) => join(dir, name)) };
}

/** Where the frames of a segment file begin. */
async function starts(path: string): Promise<number[]> {
  const bytes = await readFile(path);
  const offsets: number[] = [];
  for (let at = HEADER_BYTES; at < bytes.length;) {
    offsets.push(at);
    at += readFrameHeader(bytes, at)?.size ?? bytes.length;
  }
  return offsets;
}

async function flip(path: string, at: number): Promise<void> {
  const bytes = await readFile(path);
  bytes.writeUInt8((bytes.at(at) ?? 0) ^ 1, at);
  await writeFile(path, bytes);
}

const idOf = (path: string): string => path.slice(-30, -4);

test('a half-written last frame is cut off without a word', async (t) => {
  const { dir, files } = await spoolOf(t, 5);
  const path = files[0]!;
  const last = (await starts(path)).at(-1)!;
  await truncate(path, last + 100);
  const { inbox, damage } = await openTest(t, { dir });
  assert.deepEqual(numbers(await readAll(inbox)), range(0, 4));
  assert.deepEqual(damage, []);
  assert.equal((await readFile(path)).length, last);
  await inbox.append([record(9)]);
  assert.deepEqual(numbers(await readAll(inbox)), [0, 1, 2, 3, 9]);
});

test('zeros after the last frame, and a segment with no whole frame, are cut off too', async (t) => {
  const { dir, files } = await spoolOf(t, 5);
  await appendFile(files.at(-1)!, Buffer.alloc(4096));
  const first = await openTest(t, { dir });
  assert.deepEqual(numbers(await readAll(first.inbox)), range(0, 5));
  await first.inbox.close();
  await truncate(files[0]!, HEADER_BYTES + 10);
  const second = await openTest(t, { dir });
  assert.equal(second.inbox.status().records, 0);
  assert.deepEqual([first.damage, second.damage], [[], []]);
  assert.deepEqual(await names(dir, ''), []);
});

test('what a crash left of making a segment is removed', async (t) => {
  const { dir } = await spoolOf(t, 1);
  await writeFile(join(dir, '01K9ZZZZZZ0000000000000000.tmp'), 'half a header');
  await writeFile(join(dir, 'notes.txt'), 'not ours');
  const { inbox } = await openTest(t, { dir });
  assert.equal(inbox.status().records, 1);
  assert.deepEqual(await names(dir, '.tmp'), []);
  assert.deepEqual(await names(dir, '.txt'), ['notes.txt']);
});

test('a damaged frame found while reading costs itself, is reported, and its segment is kept', async (t) => {
  const { dir, files } = await spoolOf(t, 30);
  const path = files[1]!;
  const at = await starts(path);
  const { inbox, damage } = await openTest(t, { dir });
  await flip(path, at[2]! + FRAME_HEADER_BYTES + 3);
  const frames = await readRecords(inbox, 29);
  const first = numbers(await readRecords(inbox, 1))[0]!;
  const before = (await starts(files[0]!)).length;
  const missing = before + 2;
  assert.equal(first, 0);
  assert.deepEqual(
    numbers(frames),
    range(0, 30).filter((n) => n !== missing),
  );
  assert.equal(damage.length, 1);
  const { receivedAtMs } = record(missing);
  assert.deepEqual(
    { ...damage[0], detail: '' },
    {
      segment: idOf(path),
      kind: 'damaged',
      fromMs: receivedAtMs,
      toMs: receivedAtMs,
      records: 1,
      bytes: at[3]! - at[2]!,
      detail: '',
    },
  );
  await inbox.release(frames.at(-1)!.position);
  assert.deepEqual(await names(dir, '.damaged'), [`${idOf(path)}.damaged`]);
  assert.deepEqual(await names(dir, '.seg'), []);
  assert.deepEqual(inbox.setAside(), { damaged: 1, foreign: 0 });
  assert.deepEqual([inbox.status().records, inbox.status().bytes], [0, 0]);
});

test('a destroyed length is bridged, a destroyed end is given up, and both are reported once', async (t) => {
  const { dir, files } = await spoolOf(t, 30);
  const [one, two] = [files[0]!, files[1]!];
  const perSegment = (await starts(one)).length;
  await flip(one, (await starts(one))[1]!);
  const bytes = await readFile(two);
  const cut = (await starts(two))[2]!;
  await writeFile(two, bytes.fill(0xa5, cut));
  const { inbox, damage } = await openTest(t, { dir });
  const lost = new Set([1, ...range(perSegment + 2, perSegment - 2)]);
  const frames = await readAll(inbox);
  assert.deepEqual(
    numbers(frames),
    range(0, 30).filter((n) => !lost.has(n)),
  );
  assert.deepEqual(
    damage.map(({ segment, bytes }) => [segment, bytes]),
    [
      [idOf(one), (await starts(two))[1]! - HEADER_BYTES],
      [idOf(two), bytes.length - cut],
    ],
  );
  assert.equal(damage[0]?.fromMs, record(0).receivedAtMs);
  assert.equal(damage[0]?.toMs, record(2).receivedAtMs);
  assert.equal(damage[1]?.fromMs, record(perSegment + 1).receivedAtMs);
  await inbox.release(frames.at(-1)!.position);
  assert.equal((await names(dir, '.damaged')).length, 2);
});

test('damage behind the stored position may not be noted yet: it is reported until the file is kept aside', async (t) => {
  const { dir, files } = await spoolOf(t, 30);
  const first = await openTest(t, { dir });
  const frames = await readAll(first.inbox);
  await first.inbox.close();
  await flip(files[0]!, (await starts(files[0]!))[1]! + FRAME_HEADER_BYTES);
  const after = frames.at(-1)!.position;
  const second = await openTest(t, { dir, after });
  assert.equal(second.inbox.status().records, 0);
  assert.deepEqual(
    second.damage.map(({ segment, records }) => [segment, records]),
    [[idOf(files[0]!), 1]],
  );
  assert.deepEqual(await names(dir, ''), [`${idOf(files[0]!)}.damaged`]);
  await second.inbox.close();
  const third = await openTest(t, { dir, after });
  assert.deepEqual(third.damage, []);
});

/** Takes losses and notes none until it is told to. */
class Notes {
  readonly taken: SpoolDamage[] = [];
  readonly #open: Array<PromiseWithResolvers<void>> = [];

  readonly take = (damage: SpoolDamage): Promise<void> => {
    const note = Promise.withResolvers<void>();
    this.taken.push(damage);
    this.#open.push(note);
    return note.promise;
  };

  noteOne(): void {
    this.#open.shift()?.resolve();
  }

  failAll(): void {
    for (const note of this.#open.splice(0)) note.reject(new Error('not written'));
  }
}

/** Resolves when so many names in the directory have the ending. */
async function untilNamed(dir: string, ending: string, count: number): Promise<void> {
  while ((await names(dir, ending)).length !== count) await turn();
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('a file that cannot be read keeps its name until its loss is noted', { timeout: 20_000 }, async (t) => {
  const { dir, files } = await spoolOf(t, 30);
  const notes = new Notes();
  const first = await openTest(t, { dir, box: otherBox, onDamage: notes.take });
  assert.equal(notes.taken.length, files.length);
  assert.deepEqual(first.inbox.setAside(), { damaged: 0, foreign: files.length });
  await first.inbox.append([record(50)]);
  assert.deepEqual(numbers(await readAll(first.inbox)), [50]);
  assert.deepEqual(await names(dir, '.foreign'), []);
  notes.noteOne();
  await untilNamed(dir, '.foreign', 1);
  assert.deepEqual(await names(dir, '.foreign'), [`${idOf(files[0]!)}.foreign`]);
  // As after a crash: what was not noted is reported again, and what is noted too late changes no file.
  await first.inbox.close();
  notes.noteOne();
  const second = await openTest(t, { dir, box: otherBox });
  assert.deepEqual(
    second.damage.map(({ segment }) => segment),
    files.slice(1).map(idOf),
  );
  assert.equal((await names(dir, '.foreign')).length, files.length);
  assert.deepEqual(second.inbox.setAside(), { damaged: 0, foreign: files.length });
});

test('a loss found while reading is reported again unless it was noted', { timeout: 20_000 }, async (t) => {
  const { dir, files } = await spoolOf(t, 30);
  const at = await starts(files[1]!);
  const notes = new Notes();
  const first = await openTest(t, { dir, onDamage: notes.take });
  await flip(files[1]!, at[1]! + FRAME_HEADER_BYTES);
  await flip(files[1]!, at[3]! + FRAME_HEADER_BYTES);
  const after = (await readRecords(first.inbox, 28)).at(-1)!.position;
  await first.inbox.release(after);
  // Nothing of it waits to be stored, and still it is there.
  assert.deepEqual([first.inbox.status().segments, notes.taken.length], [0, 2]);
  notes.noteOne();
  await turn();
  assert.deepEqual(await names(dir, ''), [`${idOf(files[1]!)}.seg`]);
  await first.inbox.close();
  const again = new Notes();
  const second = await openTest(t, { dir, after, onDamage: again.take });
  assert.deepEqual(
    again.taken.map(({ fromMs }) => fromMs),
    notes.taken.map(({ fromMs }) => fromMs),
  );
  again.noteOne();
  again.noteOne();
  await untilNamed(dir, '.damaged', 1);
  assert.deepEqual(await names(dir, ''), [`${idOf(files[1]!)}.damaged`]);
  assert.deepEqual(second.inbox.setAside(), { damaged: 1, foreign: 0 });
});

test('a loss that could not be noted leaves its file for the next start', async (t) => {
  const { dir, files } = await spoolOf(t, 1);
  const notes = new Notes();
  const { inbox } = await openTest(t, { dir, box: otherBox, onDamage: notes.take });
  notes.failAll();
  await turn();
  assert.deepEqual(await names(dir, ''), [`${idOf(files[0]!)}.seg`]);
  await inbox.close();
  const again = await openTest(t, { dir, box: otherBox });
  assert.equal(again.damage.length, 1);
});

test('a lost last frame does not hold its segment back', { timeout: 20_000 }, async (t) => {
  const { dir, files } = await spoolOf(t, 3);
  const { inbox } = await openTest(t, { dir });
  const at = await starts(files[0]!);
  await flip(files[0]!, at[2]! + FRAME_HEADER_BYTES);
  const stop = new AbortController();
  const reading = inbox.read(null, stop.signal)[Symbol.asyncIterator]();
  await reading.next();
  const { value } = await reading.next();
  await inbox.release(value.position);
  assert.equal(inbox.status().records, 1);
  const end = reading.next();
  // The file goes when the loss is noticed, with nothing more to release.
  while (inbox.status().segments > 0) await new Promise((resolve) => setImmediate(resolve));
  await inbox.append([record(3)]);
  assert.deepEqual(numbers([(await end).value]), [3]);
  await reading.return?.();
  assert.deepEqual(await names(dir, '.damaged'), [`${idOf(files[0]!)}.damaged`]);
});

test('segments of another data key and files that are no segments are set aside and counted', async (t) => {
  const { dir, files } = await spoolOf(t, 30);
  await flip(files[1]!, 3);
  await truncate(files[2]!, 20);
  const foreign = await openTest(t, { dir, box: otherBox });
  assert.equal(foreign.inbox.status().records, 0);
  assert.deepEqual(foreign.inbox.setAside(), { damaged: 2, foreign: files.length - 2 });
  assert.deepEqual(
    foreign.damage.map(({ segment, kind }) => [segment, kind]),
    files.map((path, n) => [idOf(path), n === 1 || n === 2 ? 'damaged' : 'foreign']),
  );
  assert.ok(foreign.damage.every(({ fromMs, toMs }) => fromMs > 1.7e12 && toMs >= fromMs));
  await foreign.inbox.append([record(50)]);
  assert.deepEqual(numbers(await readAll(foreign.inbox)), [50]);
  await foreign.inbox.close();
  const again = await openTest(t, { dir, box: otherBox });
  assert.deepEqual(again.inbox.setAside(), { damaged: 2, foreign: files.length - 2 });
  assert.deepEqual(again.damage, []);
});

test('a sector or a file that is gone is damage; an error that may pass is thrown', async (t) => {
  const { dir, files } = await spoolOf(t, 30);
  const faulty = new FaultyFiles();
  const { inbox, damage } = await openTest(t, { dir, files: faulty });
  faulty.fail('open', 'EMFILE');
  await assert.rejects(readRecords(inbox, 1), systemError('EMFILE'));
  faulty.fail('open', null);
  await unlink(files[0]!);
  const gone = (await starts(files[1]!)).length;
  assert.equal(numbers(await readRecords(inbox, 1))[0], gone);
  assert.equal(damage.length, gone);
  faulty.fail('read', 'EIO');
  await inbox.append([record(30)]);
  // Everything on disk is unreadable now; the new frame is in memory.
  assert.deepEqual(numbers(await readRecords(inbox, 1)), [30]);
  assert.equal(damage.length, 30);
});

test('a directory that cannot be read is one sentence', async (t) => {
  const faulty = new FaultyFiles();
  faulty.fail('list', 'EACCES');
  await assert.rejects(openTest(t, { files: faulty }), {
    code: 'data_dir_unusable',
    message: /spool \(EACCES\)$/,
  });
});
