import assert from 'node:assert/strict';
import test from 'node:test';
import { createKeyBreaker } from '../../src/lib/gateway/breaker.ts';
import { GatewayError, type GatewayConnection, type KeyBreaker } from '../../src/lib/contract/gateway.ts';
import { lendKey, login } from '../../src/lib/gateway/login.ts';
import { seededRandom } from '../support/collection.ts';
import { FakeClock } from '../support/fake-clock.ts';

const connection: GatewayConnection = {
  baseUrl: 'http://cpa:8317',
  managementKey: 'made-up-management-key',
  tlsSkipVerify: false,
};
/** What the gateway takes to refuse a key. */
const BCRYPT_MS = 60;

/** A gateway that judges the key as soon as a call arrives, and then takes its time. */
class Gateway {
  readonly clock: FakeClock;
  readonly breaker: KeyBreaker;
  isRight = true;
  /** Wrong keys in a row, as the gateway counts them. */
  strikes = 0;
  mostStrikes = 0;
  /** Calls that arrived and have no answer. */
  working = 0;
  proofs = 0;

  constructor(clock: FakeClock) {
    this.clock = clock;
    this.breaker = createKeyBreaker({ load: () => null, save: () => Promise.resolve() }, clock);
  }

  async answer(ms: number, signal?: AbortSignal): Promise<void> {
    const isRight = this.isRight;
    this.strikes = isRight ? 0 : this.strikes + 1;
    this.mostStrikes = Math.max(this.mostStrikes, this.strikes);
    this.working += 1;
    try {
      await this.clock.sleep(isRight ? ms : BCRYPT_MS, signal);
      if (signal?.aborted) throw new GatewayError('connection_lost', 'aborted');
      if (!isRight) throw new GatewayError('key_refused', '401 invalid management key');
    } finally {
      this.working -= 1;
    }
  }

  own(ms = BCRYPT_MS): Promise<void> {
    return login(this.breaker, connection, () => this.answer(ms));
  }

  lend(ms: number, signal: AbortSignal = new AbortController().signal, isAccepted = true): Promise<void> {
    return lendKey(this.breaker, connection, this.clock, {
      attempt: async (sent) => {
        sent();
        await this.answer(ms, signal);
        return { value: undefined, isAccepted };
      },
      prove: () => {
        this.proofs += 1;
        return this.own();
      },
      signal,
    });
  }
}

/** Lets everybody who can go on do so, and then the time pass. */
async function pass(clock: FakeClock, ms: number): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
  await clock.advance(ms);
}

/** A gateway at which the key was proved. */
async function proved(): Promise<Gateway> {
  const clock = new FakeClock();
  const gateway = new Gateway(clock);
  const first = gateway.own();
  await pass(clock, BCRYPT_MS);
  await first;
  return gateway;
}

test('a call of somebody else is never the one that proves a key', async () => {
  const clock = new FakeClock();
  const gateway = new Gateway(clock);
  gateway.isRight = false;
  const calls = Promise.allSettled([1, 2, 3, 4, 5, 6].map(() => gateway.lend(60_000)));
  await pass(clock, 1_000);
  const results = await calls;
  assert.ok(
    results.every(
      (one) =>
        one.status === 'rejected' &&
        one.reason instanceof GatewayError &&
        one.reason.diagnosis === 'key_refused',
    ),
  );
  assert.equal(gateway.mostStrikes, 1, 'one call of our own, and no other');
});

test('slow calls keep neither our own logins waiting nor each other', async () => {
  const gateway = await proved();
  const slow = Array.from({ length: 20 }, () => gateway.lend(60_000));
  await pass(gateway.clock, 15_000);
  assert.equal(gateway.working, 20);
  let isDone = false;
  const own = gateway.own().then(() => (isDone = true));
  await pass(gateway.clock, BCRYPT_MS);
  assert.ok(isDone, 'a login begins at once while twenty calls wait for their answers');
  await own;
  await pass(gateway.clock, 120_000);
  await Promise.all(slow);
});

test('a login waits behind two calls that were just sent for less than a second', async () => {
  const gateway = await proved();
  const slow = [gateway.lend(60_000), gateway.lend(60_000)];
  let isDone = false;
  const own = gateway.own().then(() => (isDone = true));
  await pass(gateway.clock, 1_000);
  assert.ok(isDone);
  await own;
  await pass(gateway.clock, 60_000);
  await Promise.all(slow);
});

test('calls that ended without an answer count until the key was proved again', async () => {
  const gateway = await proved();
  for (let count = 0; count < 3; count += 1) {
    const leaving = new AbortController();
    const call = gateway.lend(60_000, leaving.signal);
    await pass(gateway.clock, 10);
    leaving.abort();
    await assert.rejects(call, GatewayError);
  }
  assert.equal(gateway.proofs, 0);
  const fourth = gateway.lend(10);
  await pass(gateway.clock, 1_000);
  await fourth;
  assert.equal(gateway.proofs, 1);
});

test('calls that ended without an answer may have been strikes: a refusal after them is kept for longer', async () => {
  const gateway = await proved();
  gateway.isRight = false;
  for (let count = 0; count < 3; count += 1) {
    const leaving = new AbortController();
    const call = gateway.lend(60_000, leaving.signal);
    await pass(gateway.clock, 10);
    leaving.abort();
    await assert.rejects(call, GatewayError);
  }
  // The gateway forgets after two hours without a wrong key, and one more before that would be the fifth.
  for (let minutes = 0; minutes < 120; minutes += 20) {
    const refused = assert.rejects(gateway.own(), GatewayError);
    await pass(gateway.clock, BCRYPT_MS);
    await refused;
    await pass(gateway.clock, 20 * 60_000);
  }
  assert.equal(gateway.strikes, 4);
});

test('a call that was never sent, and an answer that proves nothing, leave nothing behind', async () => {
  const gateway = await proved();
  const { breaker, clock } = gateway;
  for (let count = 0; count < 5; count += 1) {
    const unsent = lendKey(breaker, connection, clock, {
      attempt: () => Promise.reject(new GatewayError('connection_refused', 'ECONNREFUSED')),
      prove: () => assert.fail('nothing has to be proved'),
      signal: new AbortController().signal,
    });
    await assert.rejects(unsent, GatewayError);
    const plain = gateway.lend(10, undefined, false);
    await pass(clock, 10);
    await plain;
  }
  assert.equal(gateway.proofs, 0);
});

test('whoever goes away while waiting has sent nothing', async () => {
  const gateway = await proved();
  const first = [gateway.lend(100), gateway.lend(100)];
  await pass(gateway.clock, 0);
  const leaving = new AbortController();
  const waiting = gateway.lend(100, leaving.signal);
  await pass(gateway.clock, 0);
  leaving.abort();
  await assert.rejects(waiting, GatewayError);
  assert.equal(gateway.working, 2);
  await pass(gateway.clock, 1_000);
  await Promise.all(first);
});

test('whenever the key is changed, whatever is under way, it never adds up to a ban', async () => {
  let worst = 0;
  for (let seed = 1; seed <= 60; seed += 1) {
    const random = seededRandom(seed);
    const gateway = await proved();
    const calls: Array<Promise<unknown>> = [];
    const changedAt = Math.floor(random() * 40);
    for (let step = 0; step < 60; step += 1) {
      if (step === changedAt) gateway.isRight = false;
      for (let count = Math.floor(random() * 4); count > 0; count -= 1) {
        const leaving = new AbortController();
        const ms = random() < 0.5 ? 20 : random() * 60_000;
        calls.push(gateway.lend(ms, leaving.signal).catch(() => {}));
        if (random() < 0.5) {
          const giveUp = async (): Promise<void> => {
            await gateway.clock.sleep(random() * 400);
            leaving.abort();
          };
          void giveUp();
        }
      }
      if (random() < 0.3) calls.push(gateway.own().catch(() => {}));
      await pass(gateway.clock, Math.floor(random() * 300));
    }
    await pass(gateway.clock, 200_000);
    await Promise.all(calls);
    assert.ok(gateway.mostStrikes < 5, `seed ${seed}: ${gateway.mostStrikes} wrong keys in a row`);
    worst = Math.max(worst, gateway.mostStrikes);
  }
  assert.ok(worst >= 2, 'the histories come near enough to mean something');
});
