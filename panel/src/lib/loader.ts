import { ApiError } from './api.ts';
import { scheduler, type Scheduled } from './scheduler.ts';
import { Store } from './store.ts';

export interface Loaded<T> {
  /** The last good answer; stays while newer ones fail. */
  readonly value: T | null;
  /** Why the last attempt failed; null when it did not. */
  readonly error: ApiError | null;
  readonly loading: boolean;
  /** Epoch ms of the last good answer. */
  readonly updatedAtMs: number | null;
}

export interface LoaderOptions<T> {
  load(signal: AbortSignal): Promise<T>;
  readonly intervalMs: number;
  /** Says of an answer that another one is due soon, and after how many ms; null: it is not. */
  readonly soonMs?: (value: T) => number | null;
}

/** An answer of the daemon that is kept fresh while somebody wants it. */
export class Loader<T> extends Store<Loaded<T>> {
  readonly #options: LoaderOptions<T>;
  #scheduled: Scheduled | null = null;
  #users = 0;

  constructor(options: LoaderOptions<T>) {
    super({ value: null, error: null, loading: true, updatedAtMs: null });
    this.#options = options;
  }

  /** Keeps it fresh until the answer is called. */
  use(): () => void {
    this.#users += 1;
    this.#scheduled ??= scheduler().add({
      pauseMs: () => this.#pauseMs(),
      run: (signal) => this.#run(signal),
    });
    return () => {
      this.#users -= 1;
      if (this.#users > 0) return;
      this.#scheduled?.stop();
      this.#scheduled = null;
    };
  }

  /** Reads it now, unless that is under way. */
  refresh(): void {
    this.#scheduled?.refresh();
  }

  /** Reads it anew because what is asked for has changed. With `forget`, the old answer is not shown meanwhile. */
  restart(how: 'keep' | 'forget' = 'keep'): void {
    if (how === 'forget') this.set({ value: null, error: null, loading: true, updatedAtMs: null });
    this.#scheduled?.restart();
  }

  /** Puts in what was learnt in another way, such as from the feed. */
  patch(change: (value: T) => T): void {
    const { value } = this.value;
    if (value !== null) this.set({ ...this.value, value: change(value) });
  }

  #pauseMs(): number {
    const { intervalMs, soonMs } = this.#options;
    const { value } = this.value;
    return (value === null ? null : soonMs?.(value)) ?? intervalMs;
  }

  async #run(signal: AbortSignal): Promise<void> {
    this.set({ ...this.value, loading: true });
    try {
      const value = await this.#options.load(signal);
      if (signal.aborted) return;
      this.set({ value, error: null, loading: false, updatedAtMs: Date.now() });
    } catch (error) {
      if (!signal.aborted) this.set({ ...this.value, error: asApiError(error), loading: false });
      throw error;
    }
  }
}

export function asApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  return new ApiError('internal', error instanceof Error ? error.message : String(error), { cause: error });
}
