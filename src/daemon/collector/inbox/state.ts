import type { Clock } from '../../../lib/contract/clock.ts';
import type { SpoolStatus } from '../../../lib/contract/inbox.ts';
import { SLOW } from './pace.ts';

type State = SpoolStatus['state'];

/** Tells whether the spool takes more: full from the limit on until it is below half of it; failing goes before full. */
export class SpoolState {
  readonly #clock: Pick<Clock, 'now'>;
  readonly #changed: () => void;
  #full = false;
  #slow = false;
  #error: string | null = null;
  #state: State = 'ok';
  #since: number | null = null;

  constructor(clock: Pick<Clock, 'now'>, changed: () => void) {
    this.#clock = clock;
    this.#changed = changed;
  }

  get state(): State {
    return this.#state;
  }

  get since(): number | null {
    return this.#since;
  }

  get error(): string | null {
    return this.#error ?? (this.#slow ? SLOW : null);
  }

  get full(): boolean {
    return this.#full;
  }

  measured(bytes: number, limitBytes: number): void {
    if (bytes >= limitBytes) this.#full = true;
    else if (bytes < limitBytes / 2) this.#full = false;
    this.#settle();
  }

  /** `null`: a write succeeded. */
  wrote(error: string | null): void {
    this.#error = error;
    this.#settle();
  }

  /** The disk does not keep up, or it does again. */
  slow(slow: boolean): void {
    this.#slow = slow;
    this.#settle();
  }

  #settle(): void {
    const state: State = this.error !== null ? 'failing' : this.#full ? 'full' : 'ok';
    if (state === this.#state) return;
    this.#state = state;
    this.#since = state === 'ok' ? null : this.#clock.now();
    this.#changed();
  }
}
