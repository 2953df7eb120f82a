import type { CommitResult, Writer } from '../../lib/contract/writer.ts';

/**
 * Watches the commits of the collector go by: what they stored is fed, and the revisions of `events` that they made are
 * told apart from those that somebody else makes.
 */
export class LiveCommits implements Pick<Writer, 'commit'> {
  readonly #writer: Pick<Writer, 'commit'>;
  #onCommit: ((result: CommitResult) => void) | null = null;
  #begun = 0;
  #answered = 0;
  #made = 0;
  #revisions: number[] = [];

  constructor(writer: Pick<Writer, 'commit'>) {
    this.#writer = writer;
  }

  /** Commits so far. */
  get begun(): number {
    return this.#begun;
  }

  /** How many of them are answered. The collector begins none before the one before it is. */
  get answered(): number {
    return this.#answered;
  }

  /** Revisions of `events` that were made here. */
  get made(): number {
    return this.#made;
  }

  commit: Writer['commit'] = async (records, position) => {
    this.#begun += 1;
    let result: CommitResult;
    try {
      result = await this.#writer.commit(records, position);
    } finally {
      this.#answered += 1;
    }
    if (result.inserted === 0) return result;
    this.#made += 1;
    if (this.#onCommit !== null) {
      this.#revisions.push(result.eventsRevision);
      this.#onCommit(result);
    }
    return result;
  };

  /** From now on what was stored is told. `onCommit` must not throw. */
  watch(onCommit: (result: CommitResult) => void): void {
    this.#onCommit = onCommit;
    this.#revisions = [];
  }

  unwatch(): void {
    this.#onCommit = null;
    this.#revisions = [];
  }

  /** How many revisions above `after` and up to `upTo` were made here; these and lower ones are forgotten. */
  takeRevisions(after: number, upTo: number): number {
    const own = this.#revisions.filter((revision) => revision > after && revision <= upTo).length;
    this.#revisions = this.#revisions.filter((revision) => revision > upTo);
    return own;
  }
}
