import type { Clock } from '../../src/lib/contract/clock.ts';

interface Sleeper {
  readonly wakeAt: number;
  readonly wake: () => void;
}

/** A clock that stands still until a test moves it. Sleepers wake in the order of their times. */
export class FakeClock implements Clock {
  #now: number;
  #monotonic = 0;
  #sleepers: Sleeper[] = [];
  #waiting: Array<() => void> = [];

  constructor(startMs = Date.UTC(2026, 10, 21, 12)) {
    this.#now = startMs;
  }

  now(): number {
    return this.#now;
  }

  monotonic(): number {
    return this.#monotonic;
  }

  /** Sets the wall clock without time passing, as an operator or NTP does. */
  jump(ms: number): void {
    this.#now += ms;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const sleeper: Sleeper = {
        wakeAt: this.#monotonic + ms,
        wake: () => {
          signal?.removeEventListener('abort', sleeper.wake);
          this.#sleepers = this.#sleepers.filter((other) => other !== sleeper);
          resolve();
        },
      };
      signal?.addEventListener('abort', sleeper.wake, { once: true });
      this.#sleepers.push(sleeper);
      for (const notify of this.#waiting.splice(0)) notify();
    });
  }

  /** Resolves when somebody sleeps; at once when somebody already does. */
  async someoneSleeps(): Promise<void> {
    while (this.#sleepers.length === 0) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  /** Lets `ms` pass, waking sleepers on the way and giving each a turn to run. */
  async advance(ms: number): Promise<void> {
    const target = this.#monotonic + ms;
    for (;;) {
      const next = this.#sleepers
        .filter((s) => s.wakeAt <= target)
        .toSorted((a, b) => a.wakeAt - b.wakeAt)[0];
      if (!next) break;
      const step = Math.max(0, next.wakeAt - this.#monotonic);
      this.#monotonic += step;
      this.#now += step;
      next.wake();
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
    this.#now += target - this.#monotonic;
    this.#monotonic = target;
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
}
