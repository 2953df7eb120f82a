import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Scheduler, type Surroundings } from '../../../panel/src/lib/scheduler.ts';

/** A browser whose clock only moves when it is told to. */
class StandIn implements Surroundings {
  timeMs = 0;
  isHidden = false;
  #onVisibility: () => void = () => {};
  readonly #timers = new Set<{ readonly atMs: number; readonly call: () => void }>();

  now(): number {
    return this.timeMs;
  }
  hidden(): boolean {
    return this.isHidden;
  }
  onVisibility(listener: () => void): void {
    this.#onVisibility = listener;
  }
  after(ms: number, call: () => void): () => void {
    const timer = { atMs: this.timeMs + ms, call };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }
  get timers(): number {
    return this.#timers.size;
  }
  async pass(ms: number): Promise<void> {
    const endMs = this.timeMs + ms;
    for (;;) {
      const next = [...this.#timers]
        .filter(({ atMs }) => atMs <= endMs)
        .toSorted((a, b) => a.atMs - b.atMs)[0];
      if (!next) break;
      this.#timers.delete(next);
      this.timeMs = next.atMs;
      next.call();
      await settle();
    }
    this.timeMs = endMs;
  }
  show(shown: boolean): void {
    this.isHidden = !shown;
    this.#onVisibility();
  }
}

/** Lets the promises of finished runs be heard. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function begin(): { around: StandIn; scheduler: Scheduler; runs: number[]; outcome: { fails: boolean } } {
  const around = new StandIn();
  return { around, scheduler: new Scheduler(around), runs: [], outcome: { fails: false } };
}

test('work is run at once, then again a pause after it ended', async () => {
  const { around, scheduler, runs } = begin();
  const work = scheduler.add({ pauseMs: () => 1000, run: async () => void runs.push(around.timeMs) });
  await settle();
  await around.pass(2500);
  assert.deepEqual(runs, [0, 1000, 2000]);
  work.refresh();
  await settle();
  await around.pass(1000);
  assert.deepEqual(runs, [0, 1000, 2000, 2500, 3500]);
  work.stop();
  await around.pass(10_000);
  assert.equal(runs.length, 5);
  assert.equal(around.timers, 0);
});

test('each pause is as long as it is wanted after the run before it', async () => {
  const { around, scheduler, runs } = begin();
  const pauses = [200, 30_000];
  scheduler.add({
    pauseMs: () => pauses.shift() ?? 1,
    run: async () => void runs.push(around.timeMs),
  });
  await settle();
  await around.pass(30_000);
  assert.deepEqual(runs, [0, 200]);
});

test('nothing is run while the tab is hidden, and what is due at once on return', async () => {
  const { around, scheduler, runs } = begin();
  scheduler.add({ pauseMs: () => 1000, run: async () => void runs.push(around.timeMs) });
  scheduler.add({ pauseMs: () => 60_000, run: async () => void runs.push(-around.timeMs) });
  await settle();
  around.show(false);
  assert.equal(around.timers, 0);
  await around.pass(30_000);
  assert.deepEqual(runs, [0, -0]);
  around.show(true);
  await settle();
  assert.deepEqual(runs, [0, -0, 30_000]);
});

test('failures make the pauses longer, up to five minutes, until one succeeds', async () => {
  const { around, scheduler, runs, outcome } = begin();
  outcome.fails = true;
  scheduler.add({
    pauseMs: () => 60_000,
    run: async () => {
      runs.push(around.timeMs / 60_000);
      if (outcome.fails) throw new Error('no');
    },
  });
  await settle();
  await around.pass(16 * 60_000);
  assert.deepEqual(runs, [0, 2, 6, 11, 16]);
  outcome.fails = false;
  scheduler.runAll();
  await settle();
  await around.pass(60_000);
  assert.deepEqual(runs, [0, 2, 6, 11, 16, 16, 17]);
});

test('a restart gives up the run under way, whose end then counts for nothing', async () => {
  const { around, scheduler } = begin();
  const signals: AbortSignal[] = [];
  const ends: Array<() => void> = [];
  const work = scheduler.add({
    pauseMs: () => 1000,
    run: (signal) => {
      signals.push(signal);
      return new Promise((resolve, reject) => ends.push(signals.length === 1 ? reject : resolve));
    },
  });
  work.refresh();
  assert.equal(signals.length, 1);
  work.restart();
  assert.deepEqual(
    signals.map(({ aborted }) => aborted),
    [true, false],
  );
  ends[0]?.();
  await settle();
  assert.equal(around.timers, 0);
  ends[1]?.();
  await settle();
  await around.pass(1000);
  assert.equal(signals.length, 3);
  work.stop();
  assert.equal(signals[2]?.aborted, true);
});
