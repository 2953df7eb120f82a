import type { Steps } from './queries/index.ts';

/** How a question ended. */
export type Outcome<T> =
  | { readonly kind: 'done'; readonly value: T }
  | { readonly kind: 'failed'; readonly error: unknown }
  | { readonly kind: 'left' };

interface Task {
  readonly steps: Steps;
  readonly isGone: () => boolean;
  readonly end: (outcome: Outcome<unknown>) => void;
}

/**
 * Several pieces of work on one thread, a step of each in turn: one that takes long keeps nobody waiting longer than
 * its step. Between steps the event loop runs, which brings new ones.
 */
export class Turns {
  readonly #tasks: Task[] = [];
  readonly #onIdle: () => void;
  #running = false;

  /** `onIdle`: nothing is left to do. */
  constructor(onIdle: () => void = () => {}) {
    this.#onIdle = onIdle;
  }

  get idle(): boolean {
    return this.#tasks.length === 0;
  }

  /** `isGone` is asked before each step; when it says so, the work is left where it stands. */
  add(steps: Steps, isGone: () => boolean, end: (outcome: Outcome<unknown>) => void): void {
    this.#tasks.push({ steps, isGone, end });
    if (this.#running) return;
    this.#running = true;
    setImmediate(this.#turn);
  }

  readonly #turn = (): void => {
    const task = this.#tasks.shift();
    if (task !== undefined) {
      const outcome = step(task);
      if (outcome === null) this.#tasks.push(task);
      else task.end(outcome);
    }
    if (this.#tasks.length > 0) {
      setImmediate(this.#turn);
      return;
    }
    this.#running = false;
    this.#onIdle();
  };
}

/** Null: there is more to do. */
function step({ steps, isGone }: Task): Outcome<unknown> | null {
  try {
    if (isGone()) {
      steps.return(null);
      return { kind: 'left' };
    }
    const { done, value } = steps.next();
    return done === true ? { kind: 'done', value } : null;
  } catch (error) {
    return { kind: 'failed', error };
  }
}
