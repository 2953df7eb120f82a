/** First pause and the longest one, in ms. */
const FIRST_MS = 1_000;
const LONGEST_MS = 30_000;

/** Pauses between attempts: doubling, with full jitter so that many daemons do not come back in step. */
export class Backoff {
  #attempt = 0;
  readonly #random: () => number;

  constructor(random: () => number = Math.random) {
    this.#random = random;
  }

  next(): number {
    const ceiling = Math.min(LONGEST_MS, FIRST_MS * 2 ** this.#attempt);
    this.#attempt += 1;
    return Math.round(this.#random() * ceiling);
  }

  reset(): void {
    this.#attempt = 0;
  }
}
