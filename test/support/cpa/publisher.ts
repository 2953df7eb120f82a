import type { RecordSource } from './records.ts';
import type { CpaStandIn } from './stand-in.ts';

/** Published between two turns of the event loop: small enough that a full buffer means a slow reader. */
const AT_ONCE = 32;
const TICK_MS = 2;

export interface Run {
  /** Records a second. */
  readonly rate: number;
  /** Records in all. */
  readonly count: number;
  /** Records that come at the same moment. Default 1. */
  readonly burst?: number;
}

export interface RunResult {
  readonly sent: number;
  readonly elapsedMs: number;
  /** Most that publishing was behind its rate, in ms: how far the machine, not the reader, was the limit. */
  readonly worstLagMs: number;
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const tick = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, TICK_MS));

/** Publishes records of a source at a rate. */
export class Publisher {
  readonly #standIn: CpaStandIn;
  readonly #source: RecordSource;

  constructor(standIn: CpaStandIn, source: RecordSource) {
    this.#standIn = standIn;
    this.#source = source;
  }

  one(): void {
    this.#standIn.publish(this.#source.next(Date.now()));
  }

  /** `count` records at once: a backlog when nobody is subscribed. */
  backlog(count: number): void {
    for (let left = count; left > 0; left -= 1) this.one();
  }

  async run({ rate, count, burst = 1 }: Run): Promise<RunResult> {
    const started = performance.now();
    let sent = 0;
    let worstLagMs = 0;
    while (sent < count) {
      const elapsed = performance.now() - started;
      const due = Math.min(count, Math.floor((elapsed * rate) / 1000 / burst) * burst);
      worstLagMs = Math.max(worstLagMs, elapsed - (sent / rate) * 1000);
      while (sent < due) {
        const now = Math.min(due - sent, Math.max(AT_ONCE, burst));
        this.backlog(now);
        sent += now;
        if (sent < due) await turn();
      }
      if (sent < count) await tick();
    }
    return { sent, elapsedMs: performance.now() - started, worstLagMs };
  }
}
