import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import test from 'node:test';
import { SESSION_MS, Sessions } from '../../../src/daemon/sessions.ts';
import { StoredAdminKey } from '../../../src/daemon/stored-admin-key.ts';
import { AppError } from '../../../src/lib/errors.ts';
import { credentialFor, serialiseCredential } from '../../../src/lib/secrets/admin-key.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { FakeWriter } from '../../support/fakes.ts';

const HOUR_MS = 60 * 60 * 1_000;
const ID = '0123456789abcdef0123456789abcdef';

const hashOf = (token: string): Buffer => createHash('sha256').update(token).digest();
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Starts on one database, which a test can make unreadable. */
function database() {
  const clock = new FakeClock();
  const writer = new FakeWriter();
  const credential = { revision: 'first' };
  const state = { reads: null as Error | null };
  const start = (): Sessions =>
    new Sessions({
      clock,
      writer,
      read: (tokenHash) => {
        if (state.reads) throw state.reads;
        return writer.sessions.get(Buffer.from(tokenHash).toString('hex')) ?? null;
      },
      credential,
      databaseId: ID,
    });
  return { clock, writer, credential, state, start };
}

test('a token is told once, and the database has only its hash', async () => {
  const { start, writer, clock } = database();
  const sessions = start();
  assert.equal(sessions.cookieName, 'cpamp_session_01234567');
  const { token, expiresAtMs } = await sessions.create();
  assert.match(token, /^[\w-]{43}$/);
  assert.equal(expiresAtMs, clock.now() + SESSION_MS);
  assert.deepEqual([...writer.sessions.keys()], [hashOf(token).toString('hex')]);
  assert.ok(!JSON.stringify([...writer.sessions]).includes(token));
  assert.notEqual((await sessions.create()).token, token);
  assert.equal(sessions.find(token)?.expiresAtMs, expiresAtMs);
  assert.ok(start().find(token), 'a restart ends nothing');
  const hash = hashOf(token).toString('hex');
  for (const other of [undefined, '', `${token}x`, token.slice(1), hash, hashOf(token).toString('base64url')])
    assert.equal(sessions.find(other), null, String(other));
});

test('a session ends thirty days after its last use', async () => {
  const { start, clock } = database();
  const sessions = start();
  const { token } = await sessions.create();
  for (let day = 0; day < 100; day += 10) {
    const session = sessions.find(token);
    assert.ok(session, `day ${day}`);
    sessions.use(session);
    await clock.advance(10 * 24 * HOUR_MS);
  }
  const session = sessions.find(token);
  assert.ok(session);
  await clock.advance(20 * 24 * HOUR_MS - 1);
  assert.ok(sessions.find(token), 'looking is no use');
  await clock.advance(1);
  assert.equal(session.ended.aborted, false);
  assert.equal(sessions.find(token), null);
  assert.equal(session.ended.aborted, true);
  assert.equal(start().find(token), null);
});

test('a use is written once an hour, and nobody waits or fails for it', async () => {
  const { start, clock, writer } = database();
  const sessions = start();
  const { token } = await sessions.create();
  const stored = (): number => writer.sessions.get(hashOf(token).toString('hex'))?.expiresAtMs ?? 0;
  const first = stored();
  const session = sessions.find(token);
  assert.ok(session);
  await clock.advance(HOUR_MS - 1);
  assert.equal(sessions.use(session), false);
  await clock.advance(1);
  writer.fail = new AppError('database_locked');
  assert.equal(sessions.use(session), true);
  assert.equal(sessions.use(session), false, 'one at a time');
  await turn();
  assert.equal(stored(), first);
  assert.equal(session.expiresAtMs, first + HOUR_MS, 'it goes on here all the same');
  writer.fail = null;
  assert.equal(sessions.use(session), true, 'tried again');
  await turn();
  assert.equal(stored(), first + HOUR_MS);
  assert.equal(sessions.use(session), false);
  await clock.advance(HOUR_MS - 1);
  assert.equal(sessions.use(session), false);
  await clock.advance(1);
  assert.equal(sessions.use(session), true);
});

test('a logout ends this session alone, at once and for good', async () => {
  const { start, writer } = database();
  const sessions = start();
  const [one, other] = [await sessions.create(), await sessions.create()];
  const session = sessions.find(one.token);
  const running = sessions.find(other.token);
  await sessions.end(one.token);
  assert.equal(session?.ended.aborted, true);
  assert.equal(running?.ended.aborted, false);
  assert.equal(sessions.find(one.token), null);
  assert.ok(sessions.find(other.token));
  assert.equal(writer.sessions.size, 1);
  await sessions.end(one.token);
  await sessions.end('no token at all');

  writer.fail = new AppError('database_locked');
  await assert.rejects(sessions.end(other.token), { code: 'database_locked' });
  assert.equal(running?.ended.aborted, true);
  assert.equal(sessions.find(other.token), null, 'also when the database was not told');
  writer.fail = null;
  await sessions.end(other.token);
  assert.equal(start().find(other.token), null);
});

test('with the key all its sessions end, without being asked for', async () => {
  const { start, clock, credential, writer } = database();
  const sessions = start();
  const stop = new AbortController();
  const watching = sessions.watch(stop.signal);
  const { token } = await sessions.create();
  const session = sessions.find(token);
  await clock.advance(10_000);
  assert.equal(session?.ended.aborted, false);
  credential.revision = 'second';
  await clock.advance(1_000);
  assert.equal(session.ended.aborted, true);
  assert.equal(sessions.find(token), null);
  const { token: later } = await sessions.create();
  assert.ok(sessions.find(later));
  assert.equal(start().find(token), null);

  const expiring = sessions.find(later);
  clock.jump(SESSION_MS - 2_000);
  await clock.advance(1_000);
  assert.equal(expiring?.ended.aborted, false);
  await clock.advance(1_000);
  assert.equal(expiring.ended.aborted, true, 'what expires ends as well');
  stop.abort();
  await watching;

  assert.equal(writer.sessions.size, 2);
  const again = start().watch(AbortSignal.abort());
  await again;
  assert.equal(writer.sessions.size, 0, 'a start clears away what counts no more');
});

test('while the database cannot be read, a session that is known goes on', async () => {
  const { start, state, credential, clock } = database();
  const sessions = start();
  const { token } = await sessions.create();
  assert.ok(sessions.find(token));
  state.reads = new AppError('database_locked');
  assert.ok(sessions.find(token));
  assert.throws(() => start().find(token), { code: 'database_locked' }, 'after a start nobody is known');
  state.reads = new AppError('database_failed');
  assert.throws(() => sessions.find(token), { code: 'database_failed' });
  state.reads = new AppError('database_locked');
  credential.revision = 'second';
  assert.equal(sessions.find(token), null);
  credential.revision = 'first';
  state.reads = null;
  assert.ok(sessions.find(token));
  state.reads = new AppError('database_locked');
  await clock.advance(SESSION_MS);
  assert.equal(sessions.find(token), null);
});

test('a session that somebody takes out of the database has ended', async () => {
  const { start, writer } = database();
  const sessions = start();
  const { token } = await sessions.create();
  const session = sessions.find(token);
  writer.sessions.clear();
  assert.equal(sessions.find(token), null);
  assert.equal(session?.ended.aborted, true);
});

test('a key that another process replaces counts from then on, and the old one no more', () => {
  const store: { row: string | null; fails: Error | null } = { row: null, fails: null };
  const save = (key: string): void => {
    store.row = serialiseCredential(credentialFor(key, 'cli', 1));
  };
  save('the first key of this test');
  const key = new StoredAdminKey(() => {
    if (store.fails) throw store.fails;
    return store.row;
  });
  const { replaced, revision } = key;
  assert.equal(key.verify('the first key of this test'), true);
  assert.equal(key.replaced, replaced);
  save('the second key of this test');
  assert.equal(key.verify('the first key of this test'), false);
  assert.equal(replaced.aborted, true);
  assert.equal(key.verify('the second key of this test'), true);
  assert.notEqual(key.revision, revision);
  assert.equal(key.replaced.aborted, false);
  // The same key once more is a new credential: its salt differs.
  const second = key.revision;
  save('the second key of this test');
  assert.notEqual(key.revision, second);

  const third = key.revision;
  store.fails = new AppError('database_locked');
  assert.equal(key.revision, third);
  assert.equal(key.verify('the second key of this test'), true);
  store.fails = new AppError('database_failed');
  assert.throws(() => key.verify('the second key of this test'), { code: 'database_failed' });
  store.fails = null;
  for (const row of [null, 'damaged']) {
    store.row = row;
    assert.equal(key.verify('the second key of this test'), false);
    assert.equal(key.verify(''), false);
    assert.notEqual(key.revision, third);
  }
});
