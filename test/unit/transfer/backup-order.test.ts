import assert from 'node:assert/strict';
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { readSegment } from '../../../src/commands/backup/segments.ts';
import { loadConfig } from '../../../src/lib/config/start-config.ts';
import { spoolDir } from '../../../src/lib/spool.ts';
import { SettingsStore, makeDatabase } from '../../../src/lib/store/settings-store.ts';
import { copySpool } from '../../../src/lib/transfer/backup/copy.ts';
import { backUp } from '../../../src/lib/transfer/backup/back-up.ts';
import { createDataKey } from '../../../src/lib/secrets/data-key.ts';

const SEGMENTS = ['01ARZ3NDEKTSV4RRFFQ69G5FA1', '01ARZ3NDEKTSV4RRFFQ69G5FA2', '01ARZ3NDEKTSV4RRFFQ69G5FA3'];

test('a segment that is stored and deleted at any moment of a backup is in it: in its spool or in its database', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'cpamp-test-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const config = loadConfig({ env: {}, cwd: dir, flags: { dataDir: join(dir, 'data') } });
  makeDatabase(config.dbPath);
  await createDataKey(config.dataKeyPath);
  const spool = spoolDir(config.dbPath);
  mkdirSync(spool);
  for (const id of SEGMENTS) writeFileSync(join(spool, `${id}.seg`), `records of ${id}`);
  const store = new SettingsStore(config.dbPath);
  t.after(() => store.close());
  const waiting = [...SEGMENTS];
  const reached = new Set<string>();
  const target = join(dir, 'backup');
  await backUp({
    config,
    path: target,
    format: 'directory',
    withKey: true,
    keep: null,
    nowMs: 0,
    readSegment,
    // A daemon stores a segment and deletes it, each time that the backup comes a step further.
    onStep: (step) => {
      const id = reached.has(step) ? undefined : waiting.shift();
      reached.add(step);
      if (id === undefined) return;
      store.save(new Map([[id, 'stored']]), 0);
      rmSync(join(spool, `${id}.seg`));
    },
    signal: new AbortController().signal,
  });
  assert.deepEqual([...reached].toSorted(), ['check', 'database', 'spool']);
  const copy = new SettingsStore(join(target, 'usage.sqlite'));
  t.after(() => copy.close());
  const copied = readdirSync(join(target, 'spool'));
  for (const id of SEGMENTS) {
    assert.ok(copied.includes(`${id}.seg`) || copy.setting(id) === 'stored', `${id} is in neither`);
  }
  // The first was gone before anything was copied, the last only after everything was.
  assert.deepEqual(copied, [`${SEGMENTS[1]}.seg`, `${SEGMENTS[2]}.seg`]);
  assert.equal(copy.setting(SEGMENTS[2] ?? ''), null);
  assert.equal(readFileSync(join(target, 'spool', copied[0] ?? ''), 'utf8'), `records of ${SEGMENTS[1]}`);
});

test('a segment that vanishes while others are copied is left out, and one that grows is copied as it was', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'cpamp-test-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const [from, to] = [join(dir, 'from'), join(dir, 'to')];
  mkdirSync(join(from, 'spool'), { recursive: true });
  mkdirSync(to);
  const [first, second, third] = SEGMENTS.map((id) => join(from, 'spool', `${id}.seg`));
  assert.ok(first && second && third);
  for (const path of [first, second, third]) writeFileSync(path, Buffer.alloc(3_000_000, 1));
  // Asked between two pieces of a file.
  const { signal } = new AbortController();
  signal.throwIfAborted = () => {
    rmSync(second, { force: true });
    appendFileSync(third, 'more');
    appendFileSync(first, 'more');
  };
  const copied = await copySpool(from, to, signal);
  const grown = statSync(join(to, 'spool', `${SEGMENTS[2]}.seg`)).size;
  assert.deepEqual(
    copied.map(({ path, bytes }) => [path, bytes]),
    [
      [`spool/${SEGMENTS[0]}.seg`, 3_000_000],
      [`spool/${SEGMENTS[2]}.seg`, grown],
    ],
  );
  assert.ok(grown < statSync(third).size);
});
