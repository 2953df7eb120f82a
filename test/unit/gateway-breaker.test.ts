import assert from 'node:assert/strict';
import test from 'node:test';
import { createKeyBreaker, type BreakerStorage } from '../../src/lib/gateway/breaker.ts';
import { GatewayError, type GatewayConnection } from '../../src/lib/contract/gateway.ts';
import { login } from '../../src/lib/gateway/login.ts';
import { FakeClock } from '../support/fake-clock.ts';

const connection: GatewayConnection = {
  baseUrl: 'http://cpa:8317',
  managementKey: 'made-up-management-key',
  tlsSkipVerify: false,
};
const other: GatewayConnection = { ...connection, managementKey: 'another-made-up-key' };
const MINUTE = 60_000;

class Row implements BreakerStorage {
  text: string | null = null;
  saves = 0;
  failing = false;
  load(): string | null {
    return this.text;
  }
  save(text: string | null): Promise<void> {
    if (this.failing) return Promise.reject(new Error('database is locked'));
    this.text = text;
    this.saves += 1;
    return Promise.resolve();
  }
}

const isRefused = (error: unknown): boolean =>
  error instanceof GatewayError && error.diagnosis === 'key_refused';

test('a refused key is kept back for 30 minutes, across a restart, and only that key', async () => {
  const clock = new FakeClock();
  const row = new Row();
  await createKeyBreaker(row, clock).refused(connection, 'key_refused', '401 invalid management key');

  const restarted = createKeyBreaker(row, clock);
  assert.throws(() => restarted.check(connection), isRefused);
  assert.throws(() => restarted.check({ ...connection, baseUrl: 'http://CPA:8317' }), isRefused);
  restarted.check(other);
  restarted.check({ ...connection, baseUrl: 'http://cpa:8318' });

  await clock.advance(30 * MINUTE - 1);
  assert.throws(() => restarted.check(connection), isRefused);
  await clock.advance(1);
  restarted.check(connection);
  assert.equal(restarted.current(), null);
});

test('neither key nor URL can be read from what is kept', async () => {
  const row = new Row();
  await createKeyBreaker(row, new FakeClock()).refused(connection, 'key_refused', '401');
  assert.ok(row.text !== null && !row.text.includes('made-up') && !row.text.includes('cpa:8317'));
});

test('a key refused again after its pause waits longer than the gateway counts', async () => {
  const clock = new FakeClock();
  const row = new Row();
  await createKeyBreaker(row, clock).refused(connection, 'key_refused', '401');
  await clock.advance(31 * MINUTE);
  const restarted = createKeyBreaker(row, clock);
  restarted.check(connection);
  await restarted.refused(connection, 'key_refused', '401');
  await clock.advance(124 * MINUTE);
  assert.throws(() => restarted.check(connection), isRefused);
  await clock.advance(MINUTE);
  restarted.check(connection);
});

test('a ban lasts as long as the gateway says', async () => {
  const clock = new FakeClock();
  const breaker = createKeyBreaker(new Row(), clock);
  await breaker.refused(
    connection,
    'banned',
    '403 IP banned due to too many failed attempts. Try again in 1m30s',
  );
  await clock.advance(90_000);
  assert.throws(
    () => breaker.check(connection),
    (error: unknown) => error instanceof GatewayError && error.diagnosis === 'banned',
  );
  await clock.advance(5_000);
  breaker.check(connection);
});

test('a clock that is set back does not extend the pause', async () => {
  const clock = new FakeClock();
  const row = new Row();
  const breaker = createKeyBreaker(row, clock);
  await breaker.refused(connection, 'key_refused', '401');
  clock.jump(-365 * 24 * 60 * MINUTE);

  const restarted = createKeyBreaker(row, clock);
  assert.throws(() => restarted.check(connection), isRefused);
  assert.equal(restarted.current()?.untilMs, clock.now() + 30 * MINUTE);
  // The new end is saved, so a loop of restarts does not begin anew each time.
  await clock.advance(20 * MINUTE);
  const again = createKeyBreaker(row, clock);
  assert.equal(again.current()?.untilMs, clock.now() + 10 * MINUTE);

  await clock.advance(10 * MINUTE);
  breaker.check(connection);
  again.check(connection);
});

test('a key that works, and a person, end the pause', async () => {
  const row = new Row();
  const breaker = createKeyBreaker(row, new FakeClock());
  await breaker.accepted(connection);
  assert.equal(row.saves, 0);
  await breaker.refused(connection, 'key_refused', '401');
  await breaker.accepted(other);
  breaker.check(connection);
  assert.equal(row.text, null);
  await breaker.refused(connection, 'key_refused', '401');
  await breaker.reset();
  breaker.check(connection);
  assert.equal(row.text, null);
});

test('what could not be saved is saved later, so that the next start knows the same', async () => {
  const clock = new FakeClock();
  const locked = async (row: Row, change: () => Promise<void>): Promise<void> => {
    row.failing = true;
    await assert.rejects(change());
    row.failing = false;
  };
  for (const forget of ['accepted', 'reset'] as const) {
    const row = new Row();
    const breaker = createKeyBreaker(row, clock);
    await breaker.refused(connection, 'key_refused', '401');
    await locked(row, () => breaker[forget](connection));
    assert.throws(() => createKeyBreaker(row, clock).check(connection), isRefused);
    await breaker.accepted(connection);
    createKeyBreaker(row, clock).check(connection);
    const { saves } = row;
    await breaker.accepted(connection);
    assert.equal(row.saves, saves);
  }
  const row = new Row();
  const breaker = createKeyBreaker(row, clock);
  await locked(row, () => breaker.refused(connection, 'key_refused', '401'));
  createKeyBreaker(row, clock).check(connection);
  assert.throws(() => breaker.check(connection), isRefused);
  assert.throws(() => createKeyBreaker(row, clock).check(connection), isRefused);
});

test('a key that works says nothing about another gateway', async () => {
  const breaker = createKeyBreaker(new Row(), new FakeClock());
  const elsewhere = { ...other, baseUrl: 'http://elsewhere:8317' };
  await breaker.refused(elsewhere, 'key_refused', '401');
  await breaker.refused(other, 'key_refused', '401');
  await breaker.accepted(connection);
  breaker.check(other);
  assert.throws(() => breaker.check(elsewhere), isRefused);
});

test('several refused keys are remembered beside each other', async () => {
  const breaker = createKeyBreaker(new Row(), new FakeClock());
  await breaker.refused(connection, 'key_refused', '401');
  await breaker.refused(other, 'key_refused', '401');
  assert.throws(() => breaker.check(connection), isRefused);
  assert.throws(() => breaker.check(other), isRefused);
});

test('a damaged row is no reason not to start', () => {
  for (const text of ['', '{', '[1,null,{"hash":1}]', '"x"', '{"hash":"a"}']) {
    const row = new Row();
    row.text = text;
    createKeyBreaker(row, new FakeClock()).check(connection);
  }
});

test('a wrong key is sent once however many parts start together', async () => {
  const breaker = createKeyBreaker(new Row(), new FakeClock());
  let sent = 0;
  const attempt = async (): Promise<never> => {
    sent += 1;
    await new Promise((resolve) => setImmediate(resolve));
    throw new GatewayError('key_refused', '401 invalid management key');
  };
  const results = await Promise.allSettled([1, 2, 3, 4, 5].map(() => login(breaker, connection, attempt)));
  assert.ok(results.every((result) => result.status === 'rejected' && isRefused(result.reason)));
  assert.equal(sent, 1);
});

test('an unproved key goes alone, a proved one does not wait', async () => {
  const breaker = createKeyBreaker(new Row(), new FakeClock());
  let running = 0;
  let most = 0;
  const attempt = async (): Promise<void> => {
    running += 1;
    most = Math.max(most, running);
    await new Promise((resolve) => setImmediate(resolve));
    running -= 1;
  };
  await Promise.all([login(breaker, connection, attempt), login(breaker, connection, attempt)]);
  assert.equal(most, 1);
  await Promise.all([login(breaker, connection, attempt), login(breaker, connection, attempt)]);
  assert.equal(most, 2);
});

test('a proved key that was changed at the gateway is sent twice at most, however many are at work', async () => {
  const breaker = createKeyBreaker(new Row(), new FakeClock());
  await login(breaker, connection, () => Promise.resolve());
  let sent = 0;
  const attempt = async (): Promise<never> => {
    sent += 1;
    await new Promise((resolve) => setImmediate(resolve));
    throw new GatewayError('key_refused', '401 invalid management key');
  };
  const results = await Promise.allSettled([1, 2, 3, 4, 5, 6].map(() => login(breaker, connection, attempt)));
  assert.ok(results.every((result) => result.status === 'rejected' && isRefused(result.reason)));
  assert.equal(sent, 2);
});

test('an answer from before a refusal does not undo it', async () => {
  const breaker = createKeyBreaker(new Row(), new FakeClock());
  await login(breaker, connection, () => Promise.resolve());
  const slow = Promise.withResolvers<void>();
  const before = login(breaker, connection, () => slow.promise);
  const refused = (): Promise<never> => Promise.reject(new GatewayError('key_refused', '401'));
  await assert.rejects(login(breaker, connection, refused), isRefused);
  slow.resolve();
  await before;
  assert.throws(() => breaker.check(connection), isRefused);
});

test('whoever waits for a login may go away, and has sent nothing', async () => {
  const breaker = createKeyBreaker(new Row(), new FakeClock());
  const slow = Promise.withResolvers<void>();
  const first = login(breaker, connection, () => slow.promise);
  const leaving = new AbortController();
  let sent = 0;
  const second = login(breaker, connection, () => Promise.resolve((sent += 1)), leaving.signal);
  leaving.abort();
  await assert.rejects(
    second,
    (error: unknown) => error instanceof GatewayError && error.cause === undefined,
  );
  slow.resolve();
  await first;
  assert.equal(sent, 0);
});

test('an empty key is never sent, because it counts as a wrong one', async () => {
  const breaker = createKeyBreaker(new Row(), new FakeClock());
  let sent = 0;
  await assert.rejects(
    login(breaker, { ...connection, managementKey: '' }, () => Promise.resolve((sent += 1))),
    GatewayError,
  );
  assert.equal(sent, 0);
});

test('a network failure is no refusal', async () => {
  const breaker = createKeyBreaker(new Row(), new FakeClock());
  const failing = (): Promise<never> =>
    Promise.reject(new GatewayError('connection_refused', 'ECONNREFUSED'));
  await assert.rejects(login(breaker, connection, failing), GatewayError);
  breaker.check(connection);
});
