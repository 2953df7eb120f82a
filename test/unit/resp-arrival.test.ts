import assert from 'node:assert/strict';
import test from 'node:test';
import { ArrivalProof, GATEWAY_BUFFER } from '../../src/daemon/collector/transports/arrival.ts';

/** A gateway with one subscriber, as CLIProxyAPI is: a buffer in order, and chance between a message and a command. */
class Gateway {
  readonly proof = new ArrivalProof();
  readonly #buffer: number[] = [];
  readonly #pings: Array<ReturnType<ArrivalProof['ping']>> = [];
  /** What is on its way to us, in order. */
  readonly #wire: Array<number | ReturnType<ArrivalProof['ping']>> = [];
  /** Published and not yet arrived, oldest first. */
  readonly missing: number[] = [];

  publish(atMs: number): void {
    if (this.#buffer.length === GATEWAY_BUFFER) return;
    this.#buffer.push(atMs);
    this.missing.push(atMs);
  }

  ping(atMs: number): void {
    this.#pings.push(this.proof.ping(atMs));
  }

  get pinged(): boolean {
    return this.#pings.length > 0 || this.#wire.some((one) => typeof one !== 'number');
  }

  write(messageFirst: boolean): void {
    const takesMessage = this.#buffer.length > 0 && (messageFirst || this.#pings.length === 0);
    const next = takesMessage ? this.#buffer.shift() : this.#pings.shift();
    if (next !== undefined) this.#wire.push(next);
  }

  arrive(): void {
    const next = this.#wire.shift();
    if (next === undefined) return;
    if (typeof next !== 'number') return this.proof.pong(next);
    this.missing.shift();
    this.proof.message();
  }
}

function dice(seed: number): (sides: number) => number {
  let state = seed;
  return (sides) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * sides);
  };
}

test('whatever chance does, nothing that is called complete is missing', () => {
  let proofs = 0;
  for (let seed = 1; seed <= 300; seed += 1) {
    const roll = dice(seed);
    const gateway = new Gateway();
    // Some of them busier than they can write, some nearly idle.
    const busy = 1 + roll(5);
    for (let now = 1; now < 2_000; now += 1) {
      if (roll(6) < busy) gateway.publish(now);
      // As after a stall: much waits, and comes bit by bit.
      if (roll(400) === 0) for (let at = 0; at < 200; at += 1) gateway.publish(now);
      if (!gateway.pinged && roll(4) === 0) gateway.ping(now);
      for (let step = roll(5); step > 0; step -= 1) gateway.write(roll(2) === 0);
      // A message that waits is written before the answer to a pong can come back.
      gateway.write(true);
      for (let step = roll(6); step > 0; step -= 1) gateway.arrive();
      const { provedMs } = gateway.proof;
      if (provedMs === null) continue;
      proofs += 1;
      const oldest = gateway.missing[0] ?? Number.POSITIVE_INFINITY;
      assert.ok(oldest >= provedMs, `seed ${seed}: ${oldest} is missing and ${provedMs} called complete`);
    }
  }
  assert.ok(proofs > 100_000, String(proofs));
});

test('a pong proves nothing by itself, two with nothing between the time of the first PING', () => {
  const proof = new ArrivalProof();
  proof.message();
  const first = proof.ping(1_000);
  proof.message();
  proof.pong(first);
  assert.equal(proof.provedMs, null);
  proof.message();
  proof.pong(proof.ping(2_000));
  assert.equal(proof.provedMs, null);
  proof.pong(proof.ping(3_000));
  assert.equal(proof.provedMs, 2_000);
});

test('pongs of PINGs that were sent together are one', () => {
  const proof = new ArrivalProof();
  const pings = [proof.ping(1_000), proof.ping(1_001)];
  for (const ping of pings) proof.pong(ping);
  assert.equal(proof.provedMs, null);
  proof.pong(proof.ping(1_002));
  assert.equal(proof.provedMs, 1_001);
});

test('a buffer full of messages after a pong proves too, when there is never a pause', () => {
  const proof = new ArrivalProof();
  const pings = [1_000, 2_000].map((atMs) => {
    const ping = proof.ping(atMs);
    proof.message();
    proof.pong(ping);
    return ping;
  });
  assert.equal(pings.length, 2);
  for (let at = 2; at < GATEWAY_BUFFER; at += 1) proof.message();
  assert.equal(proof.provedMs, null);
  proof.message();
  assert.equal(proof.provedMs, 1_000);
  proof.message();
  assert.equal(proof.provedMs, 2_000);
});
