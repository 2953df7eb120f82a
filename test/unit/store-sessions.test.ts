import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import path from 'node:path';
import test from 'node:test';
import { ReadStore } from '../../src/lib/store/read-store.ts';
import { openDatabase } from '../../src/lib/store/open.ts';
import { startWriter } from '../../src/lib/store/writer.ts';
import type { StoredSession } from '../../src/lib/contract/writer.ts';
import { storeCore, storeDb, storeDir } from '../support/store-harness.ts';

const hash = (token: string): Uint8Array => createHash('sha256').update(token).digest();

const session = (token: string, fields: Partial<StoredSession> = {}): StoredSession => ({
  tokenHash: hash(token),
  credential: 'first',
  createdAtMs: 1_000,
  expiresAtMs: 9_000,
  lastUsedMs: 1_000,
  ...fields,
});

test('a session is kept by the hash of its token, moved on and ended', async (t) => {
  const dbPath = path.join(storeDir(t), 'usage.sqlite');
  const writer = await startWriter({ dbPath, dataKey: null });
  t.after(() => writer.close());
  const store = new ReadStore(dbPath);
  t.after(() => store.close());
  assert.equal(store.session(hash('a')), null);
  await writer.saveSession(session('a'));
  await writer.saveSession(session('b'));
  const { tokenHash, ...rest } = store.session(hash('a')) ?? session('none');
  assert.ok(Buffer.from(tokenHash).equals(hash('a')));
  assert.deepEqual(rest, { credential: 'first', createdAtMs: 1_000, expiresAtMs: 9_000, lastUsedMs: 1_000 });

  await writer.touchSession(hash('a'), 2_000, 10_000);
  assert.equal(store.session(hash('a'))?.lastUsedMs, 2_000);
  assert.equal(store.session(hash('a'))?.expiresAtMs, 10_000);
  assert.equal(store.session(hash('b'))?.expiresAtMs, 9_000);

  await writer.endSession(hash('a'));
  await writer.touchSession(hash('a'), 3_000, 11_000);
  assert.equal(store.session(hash('a')), null, 'what has ended does not come back');
  assert.ok(store.session(hash('b')));

  await writer.pruneSessions('first', 8_999);
  assert.ok(store.session(hash('b')));
  await writer.pruneSessions('first', 9_000);
  assert.equal(store.session(hash('b')), null, 'expired');
  await writer.saveSession(session('c'));
  await writer.pruneSessions('second', 1_000);
  assert.equal(store.session(hash('c')), null, 'of another credential');
});

test('a new session takes away those that can never count again', (t) => {
  const db = storeDb(t);
  const core = storeCore(db);
  core.saveSession(session('expired', { expiresAtMs: 1_500 }));
  core.saveSession(session('running'));
  core.saveSession(session('new', { createdAtMs: 1_500 }));
  const left = (): number => Number(db.prepare('SELECT count(*) FROM session').pluck().get());
  assert.equal(left(), 2);
  core.saveSession(session('after the key was changed', { credential: 'second' }));
  assert.equal(left(), 1);
});

test('each database has a name of its own, which stays', (t) => {
  const id = (dbPath: string): string => {
    openDatabase(dbPath, { mode: 'write' }).close();
    const store = new ReadStore(dbPath, { beside: false });
    try {
      return store.databaseId();
    } finally {
      store.close();
    }
  };
  const [one, other] = [1, 2].map(() => path.join(storeDir(t), 'usage.sqlite'));
  assert.ok(one && other);
  const first = id(one);
  assert.match(first, /^[0-9a-f]{32}$/);
  assert.equal(id(one), first);
  assert.notEqual(id(other), first);
});
