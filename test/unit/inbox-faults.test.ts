import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'node:test';
import type { SpoolStatus } from '../../src/lib/contract/inbox.ts';
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
  SLOW_MS,
  SpoolClock,
  tempDir,
} from '../support/inbox-harness.ts';

for (const [operation, code] of [
  ['write', 'ENOSPC'],
  ['write', 'EFBIG'],
  ['sync', 'EIO'],
  ['create', 'EDQUOT'],
  ['rename', 'EROFS'],
  ['syncDir', 'EIO'],
] as const) {
  test(`${code} on ${operation}: the records wait, the state tells, and nothing is lost or doubled`, async (t) => {
    const clock = new SpoolClock();
    const files = new FaultyFiles();
    const { inbox, dir } = await openTest(t, { clock, files, limits: { segmentBytes: 3000 } });
    const seen: SpoolStatus[] = [];
    inbox.onStateChange((status) => seen.push(status));
    await inbox.append(records(0, 10));
    files.fail(operation, code);
    const failedAt = clock.now();
    const tries = files.count(operation);
    let durable = 0;
    const pending = range(10, 30).map((n) => inbox.append([record(n)]).then(() => (durable += 1)));
    for (let n = 0; n < 8; n += 1) {
      await clock.someoneSleeps();
      assert.equal(files.count(operation), tries + n + 1);
      await clock.advance(clock.sleeps[n] ?? 0);
    }
    await clock.someoneSleeps();
    assert.deepEqual(clock.sleeps, [100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000]);
    assert.equal(durable, 0);
    const status = inbox.status();
    assert.deepEqual([status.state, status.error, status.since], ['failing', code, failedAt]);
    files.fail(operation, null);
    await clock.advance(5000);
    await Promise.all(pending);
    assert.deepEqual([inbox.status().state, inbox.status().error, inbox.status().since], ['ok', null, null]);
    assert.deepEqual(
      seen.map(({ state, error }) => [state, error]),
      [
        ['failing', code],
        ['ok', null],
      ],
    );
    assert.deepEqual(numbers(await readAll(inbox)), range(0, 40));
    await inbox.close();
    const again = await openTest(t, { dir });
    assert.deepEqual(numbers(await readAll(again.inbox)), range(0, 40));
    assert.deepEqual([again.damage, await names(dir, '.tmp')], [[], []]);
  });
}

test('a frame number is never written twice under one key', async (t) => {
  const clock = new SpoolClock();
  const files = new FaultyFiles();
  const { inbox, dir } = await openTest(t, { clock, files });
  await inbox.append([record(0)]);
  const [first] = await names(dir, '.seg');
  const before = await readFile(join(dir, first!));
  files.fail('write', 'ENOSPC');
  const pending = inbox.append([record(1)]);
  await clock.someoneSleeps();
  files.fail('write', null);
  await clock.advance(100);
  await pending;
  assert.deepEqual(await readFile(join(dir, first!)), before);
  assert.equal((await names(dir, '.seg')).length, 2);
});

test('what little room is left is used: after a failure the frames go one by one', async (t) => {
  const clock = new SpoolClock();
  const files = new FaultyFiles();
  const { inbox } = await openTest(t, { clock, files, limits: { frameBytes: 5_000 } });
  files.longestWrite = 6_000;
  const pending = inbox.append(records(0, 300));
  await clock.someoneSleeps();
  await clock.advance(100);
  assert.equal(await pending, 'more');
  assert.deepEqual(clock.sleeps, [100]);
  assert.deepEqual(numbers(await readAll(inbox)), range(0, 300));
});

test('where the broken end cannot be cut off either, this run and the next do without it', async (t) => {
  const clock = new SpoolClock();
  const files = new FaultyFiles();
  const { inbox, dir } = await openTest(t, { clock, files });
  await inbox.append([record(0)]);
  files.fail('write', 'EIO');
  files.fail('truncate', 'EIO');
  const pending = inbox.append([record(1, 5000)]);
  await clock.someoneSleeps();
  files.fail('write', null);
  await clock.advance(100);
  await pending;
  await inbox.append([record(2)]);
  assert.deepEqual(numbers(await readAll(inbox)), [0, 1, 2]);
  await inbox.close();
  const again = await openTest(t, { dir });
  assert.deepEqual(numbers(await readAll(again.inbox)), [0, 1, 2]);
  assert.deepEqual(again.damage, []);
});

test('a close while writing fails tries once more, then says how many records are lost', async (t) => {
  const clock = new SpoolClock();
  const files = new FaultyFiles();
  const { inbox } = await openTest(t, { clock, files });
  files.fail('write', 'ENOSPC');
  const pending = inbox.append(records(0, 3));
  const rejected = assert.rejects(pending, { code: 'ENOSPC' });
  await clock.someoneSleeps();
  const tries = files.count('write');
  await assert.rejects(inbox.close(), { code: 'disk_full', message: /3 records could not be written/ });
  await rejected;
  assert.equal(files.count('write'), tries + 1);
});

for (const operation of ['write', 'sync'] as const) {
  test(`a ${operation} that hangs counts as failing after a while, and no longer when it is through`, async (t) => {
    const clock = new SpoolClock();
    const files = new FaultyFiles();
    const { inbox } = await openTest(t, { clock, files });
    await inbox.append([record(0)]);
    const seen: SpoolStatus[] = [];
    const through = new Promise<void>((resolve) => {
      inbox.onStateChange((status) => {
        seen.push(status);
        if (status.state === 'ok') resolve();
      });
    });
    const hang = files.hang(operation);
    const pending = inbox.append([record(1)]);
    await hang.met;
    await clock.advance(SLOW_MS - 1);
    assert.deepEqual(seen, []);
    await clock.advance(1);
    assert.deepEqual(
      [inbox.status().state, inbox.status().error, inbox.status().since],
      ['failing', 'SLOW', clock.now()],
    );
    hang.release();
    assert.equal(await pending, 'more');
    await through;
    assert.deepEqual(
      seen.map(({ state, error }) => [state, error]),
      [
        ['failing', 'SLOW'],
        ['ok', null],
      ],
    );
    // One that took no time leaves no watch behind.
    await inbox.append([record(2)]);
    await clock.advance(2 * SLOW_MS);
    assert.equal(inbox.status().state, 'ok');
    assert.deepEqual(numbers(await readAll(inbox)), [0, 1, 2]);
  });
}

test('more waiting for a slow disk than memory is given for counts as failing until half of it is written', async (t) => {
  const clock = new SpoolClock();
  const files = new FaultyFiles();
  const { inbox } = await openTest(t, { clock, files, limits: { pendingBytes: 4 << 20 } });
  const caughtUp = new Promise<SpoolStatus>((resolve) => {
    inbox.onStateChange((status) => status.state === 'ok' && resolve(status));
  });
  const hang = files.hang('sync');
  // Each is a group commit of its own, and somewhat longer than 1 MiB with what belongs to it.
  const pending = range(0, 3).map((n) => inbox.append([record(n, 1 << 20)]));
  await hang.met;
  assert.equal(inbox.status().state, 'ok');
  pending.push(...range(3, 3).map((n) => inbox.append([record(n, 1 << 20)])));
  assert.deepEqual([inbox.status().state, inbox.status().error], ['failing', 'SLOW']);
  hang.release();
  assert.equal((await caughtUp).records, 5);
  await Promise.all(pending);
  assert.deepEqual(numbers(await readAll(inbox)), range(0, 6));
});

test('a close does not wait for a disk that hangs, and writes nothing after it', async (t) => {
  const clock = new SpoolClock();
  const files = new FaultyFiles();
  const { inbox, dir } = await openTest(t, { clock, files, limits: { closeMs: 2_000 } });
  await inbox.append([record(0)]);
  const hang = files.hang('sync');
  const pending = inbox.append([record(1)]);
  await hang.met;
  const later = inbox.append([record(2)]);
  const reading = inbox.read(null, new AbortController().signal)[Symbol.asyncIterator]();
  await reading.next();
  const end = reading.next();
  const refused = [
    assert.rejects(pending, { code: 'SLOW' }),
    assert.rejects(later, { code: 'SLOW' }),
    assert.rejects(inbox.close(), { code: 'data_dir_unusable', message: /2 records .* \(SLOW\)/ }),
  ];
  await clock.someoneSleeps();
  await clock.advance(2_000);
  await Promise.all(refused);
  assert.equal((await end).done, true);
  const writes = files.count('write');
  // What hung comes through: the one frame is there, and the one after it is not begun.
  const closed = files.nextClose();
  hang.release();
  await closed;
  assert.equal(files.count('write'), writes);
  const again = await openTest(t, { dir });
  assert.deepEqual(numbers(await readAll(again.inbox)), [0, 1]);
});

test('a close in which all goes well leaves no timer behind', async (t) => {
  const clock = new SpoolClock();
  const { inbox } = await openTest(t, { clock });
  const pending = inbox.append([record(0)]);
  await inbox.close();
  await pending;
  assert.equal(clock.asleep, 0);
});

test('at the limit the answer is stop, what came is kept, and below half of it all goes on', async (t) => {
  const { inbox } = await openTest(t, { limits: { limitBytes: 40_000, tailBytes: 0 } });
  const seen: SpoolStatus[] = [];
  inbox.onStateChange((status) => seen.push(status));
  const answers: string[] = [];
  for (const n of range(0, 200)) answers.push(await inbox.append([record(n)]));
  const stop = answers.indexOf('stop');
  assert.ok(stop > 100 && stop < 150, `${stop}`);
  assert.ok(answers.slice(stop).every((answer) => answer === 'stop'));
  assert.equal(inbox.status().state, 'full');
  const frames = await readAll(inbox);
  assert.deepEqual(numbers(frames), range(0, 200));
  for (const { position } of frames) {
    await inbox.release(position);
    const { bytes, limitBytes, state } = inbox.status();
    assert.equal(state, bytes < limitBytes / 2 ? 'ok' : 'full');
  }
  assert.deepEqual(
    seen.map(({ state }) => state),
    ['full', 'ok'],
  );
  assert.equal(await inbox.append([record(200)]), 'more');
});

test('a full spool of one segment empties as soon as all of it is released', async (t) => {
  const { inbox, dir } = await openTest(t, { limits: { limitBytes: 8_000, idleMs: 1 << 30 } });
  const empty = new Promise<SpoolStatus>((resolve) => {
    inbox.onStateChange((status) => status.state === 'ok' && resolve(status));
  });
  assert.equal(await inbox.append(records(0, 60)), 'stop');
  const frames = await readRecords(inbox, 60);
  await inbox.release(frames.at(-1)!.position);
  assert.equal((await empty).bytes, 0);
  assert.deepEqual(await names(dir, ''), []);
});

test('with little space free the limit is a tenth of it, looked at with every new segment', async (t) => {
  const files = new FaultyFiles();
  files.free = 100 << 20;
  const { inbox } = await openTest(t, { files, limits: { segmentBytes: 3000 } });
  assert.equal(inbox.status().limitBytes, 10 << 20);
  files.free = 50 << 20;
  for (const n of range(0, 15)) await inbox.append([record(n)]);
  assert.equal(inbox.status().limitBytes, 5 << 20);
  files.free = 0;
  for (const n of range(0, 15)) await inbox.append([record(n)]);
  assert.equal(inbox.status().limitBytes, 1 << 20);
  files.free = Number.MAX_SAFE_INTEGER;
  for (const n of range(0, 15)) await inbox.append([record(n)]);
  assert.equal(inbox.status().limitBytes, 256 << 20);
});

test('a file size limit of the system (RLIMIT_FSIZE) is a failing write, not the end', async (t) => {
  const dir = join(await tempDir(t), 'spool');
  const program = new URL('../support/inbox-child.ts', import.meta.url).pathname;
  const total = 2000;
  // 2,000 blocks of 512 bytes: room for a frame, but less than a segment may be and the records take.
  const script = `ulimit -f 2000; exec "$0" "$@"`;
  const child = spawn(
    'sh',
    ['-c', script, process.execPath, program, dir, '0', String(total), String(16 << 20)],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  t.after(() => child.kill('SIGKILL'));
  let out = '';
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
  const [code] = await once(child, 'exit');
  assert.equal(code, 0);
  assert.match(out, /^state failing EFBIG$/m);
  assert.match(out, /^state ok null$/m);
  const acknowledged = out.split('\n').filter((line) => /^\d+$/.test(line));
  assert.deepEqual(acknowledged.map(Number), range(0, total));
  const { inbox, damage } = await openTest(t, { dir });
  assert.deepEqual(numbers(await readAll(inbox)), range(0, total));
  assert.deepEqual(damage, []);
});
