/** Time as the program sees it. Tests replace it; nothing but the system clock implements it in production. */
export interface Clock {
  /** Wall clock, epoch milliseconds. It may jump, forwards and backwards. */
  now(): number;
  /** Monotonic milliseconds from an arbitrary start. Measures durations; never stored. */
  monotonic(): number;
  /** Resolves after `ms`, or at once when `signal` aborts. It never rejects. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}
