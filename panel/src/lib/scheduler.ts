/** What the scheduler needs of the browser; tests bring their own. */
export interface Surroundings {
  now(): number;
  hidden(): boolean;
  /** Called when the page becomes visible or hidden. */
  onVisibility(listener: () => void): void;
  after(ms: number, then: () => void): () => void;
}

export interface Work {
  /** From the end of a run to the next one. Asked after each run. */
  pauseMs(): number;
  /** A rejection counts as a failure and makes the next pause longer; an abort does not. */
  run(signal: AbortSignal): Promise<void>;
}

export interface Scheduled {
  /** Runs it now, unless it is just running. */
  refresh(): void;
  /** Gives up the run under way and runs it anew: what it asks for has changed. */
  restart(): void;
  stop(): void;
}

const LONGEST_PAUSE_MS = 300_000;

interface Entry {
  readonly work: Work;
  dueAtMs: number;
  failures: number;
  running: AbortController | null;
}

/**
 * One clock for everything that is read again and again. Nothing is read while the tab is hidden; what became due
 * meanwhile is read at once on return. After failures the pauses grow.
 */
export class Scheduler {
  readonly #around: Surroundings;
  readonly #entries = new Set<Entry>();
  #cancelTimer: (() => void) | null = null;

  constructor(around: Surroundings) {
    this.#around = around;
    around.onVisibility(() => this.#tick());
  }

  /** Runs at once, or when the tab is shown, then each `pauseMs` after the end of the run before. */
  add(work: Work): Scheduled {
    const entry: Entry = { work, dueAtMs: this.#around.now(), failures: 0, running: null };
    this.#entries.add(entry);
    this.#tick();
    return {
      refresh: () => {
        if (!entry.running) this.#run(entry);
      },
      restart: () => this.#run(entry),
      stop: () => {
        this.#entries.delete(entry);
        entry.running?.abort();
        this.#tick();
      },
    };
  }

  /** Everything is due now: something says that the daemon is there again, or knows us again. */
  runAll(): void {
    for (const entry of this.#entries) entry.dueAtMs = this.#around.now();
    this.#tick();
  }

  #tick(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = null;
    if (this.#around.hidden()) return;
    const now = this.#around.now();
    const waiting: number[] = [];
    for (const entry of this.#entries) {
      if (entry.running) continue;
      if (entry.dueAtMs <= now) this.#run(entry);
      else waiting.push(entry.dueAtMs);
    }
    if (waiting.length === 0) return;
    this.#cancelTimer = this.#around.after(Math.min(...waiting) - now, () => this.#tick());
  }

  #run(entry: Entry): void {
    if (!this.#entries.has(entry)) return;
    entry.running?.abort();
    const controller = new AbortController();
    entry.running = controller;
    const over = (failed: boolean): void => {
      // An aborted run has a successor or is stopped.
      if (entry.running !== controller) return;
      entry.running = null;
      entry.failures = failed ? entry.failures + 1 : 0;
      const pause = entry.work.pauseMs();
      const longest = Math.max(LONGEST_PAUSE_MS, pause);
      entry.dueAtMs = this.#around.now() + Math.min(pause * 2 ** entry.failures, longest);
      this.#tick();
    };
    entry.work.run(controller.signal).then(
      () => over(false),
      () => over(!controller.signal.aborted),
    );
  }
}

/** The one of the page. Made on first use, so that modules that know it can be loaded without a browser. */
let shared: Scheduler | null = null;
export function scheduler(): Scheduler {
  shared ??= new Scheduler({
    now: () => Date.now(),
    hidden: () => document.hidden,
    onVisibility: (listener) => document.addEventListener('visibilitychange', listener),
    after: (ms, then) => {
      const timer = setTimeout(then, ms);
      return () => clearTimeout(timer);
    },
  });
  return shared;
}
