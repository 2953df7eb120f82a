export interface PaceSurroundings {
  now(): number;
  after(ms: number, then: () => void): () => void;
}

/** Lets something happen when it is wanted, but at most once in `everyMs`; what was wanted meanwhile happens once, later. */
export class Pace {
  readonly #around: PaceSurroundings;
  readonly #everyMs: number;
  readonly #act: () => void;
  #lastMs = Number.NEGATIVE_INFINITY;
  #cancel: (() => void) | null = null;

  constructor(around: PaceSurroundings, everyMs: number, act: () => void) {
    this.#around = around;
    this.#everyMs = everyMs;
    this.#act = act;
  }

  want(): void {
    if (this.#cancel) return;
    const waitMs = this.#lastMs + this.#everyMs - this.#around.now();
    if (waitMs <= 0) this.#go();
    else
      this.#cancel = this.#around.after(waitMs, () => {
        this.#cancel = null;
        this.#go();
      });
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = null;
  }

  #go(): void {
    this.#lastMs = this.#around.now();
    this.#act();
  }
}
