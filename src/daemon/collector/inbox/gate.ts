/** Lets waiters through each time something happened. Check for it first, then wait without anything in between. */
export class Gate {
  #waiting: Array<() => void> = [];

  open(): void {
    for (const pass of this.#waiting.splice(0)) pass();
  }

  /** Resolves at the next `open`, or when `signal` aborts. */
  wait(signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal?.aborted) {
        resolve();
        return;
      }
      const pass = (): void => {
        signal?.removeEventListener('abort', abort);
        resolve();
      };
      const abort = (): void => {
        this.#waiting = this.#waiting.filter((other) => other !== pass);
        resolve();
      };
      signal?.addEventListener('abort', abort, { once: true });
      this.#waiting.push(pass);
    });
  }
}
