interface Waiter {
  readonly condition: () => boolean;
  readonly resolve: () => void;
}

/** Lets a test wait for a state of the stand-in instead of for a time. */
export class Changes {
  #waiters: Waiter[] = [];

  /** Something changed: waiters look again. */
  notify(): void {
    if (this.#waiters.length === 0) return;
    this.#waiters = this.#waiters.filter((waiter) => {
      if (!waiter.condition()) return true;
      waiter.resolve();
      return false;
    });
  }

  /** Resolves as soon as the condition holds; it is looked at whenever something changed. */
  when(condition: () => boolean): Promise<void> {
    if (condition()) return Promise.resolve();
    return new Promise((resolve) => this.#waiters.push({ condition, resolve }));
  }
}
