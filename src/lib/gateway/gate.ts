/**
 * Logins of ours at the same time with a key that was proved. The gateway's key may have been changed since, and then
 * every one of them counts as a wrong key; five are a ban.
 */
const MOST_FRESH = 2;
/**
 * Uses of one key of which nobody knows yet whether the gateway took it: one less than a ban needs. A lent key leaves
 * one of them to our own logins, which are what tells.
 */
const MOST_UNKNOWN = 4;
const MOST_LENT_UNKNOWN = MOST_UNKNOWN - 1;

/** One use of a key, from the moment it may be sent until it is known whether it was right. */
export interface KeyUse {
  /** URL and key, hashed. */
  readonly hash: string;
  /** Counts the uses. */
  readonly number: number;
  readonly isProving: boolean;
  /** The number of the newest use when this one was let go; null before that. */
  letGoAt: number | null;
}

/**
 * Admits the uses of a management key, so that a key that was changed at the gateway never adds up to a ban.
 *
 * CLIProxyAPI v6.10.8 to v7.2.140 judge the key as soon as they have the headers, before the body and before the work
 * itself, and refuse within the time of one bcrypt (some 60 ms). So what counts is not how many calls are at work but
 * how many of them may still turn out to be wrong keys:
 * - A *fresh* use was just sent. Two at most.
 * - A use that was *let go* has no answer after more than the time that a refusal takes, or ended without one. Most
 *   probably it was taken, and the work takes long; it no longer keeps others waiting, and there may be three of them.
 * - An answer that only the right key gets, to a use that began after another was let go, tells that this one was
 *   taken as well. It does not count any more, however long its answer takes.
 * So any number of slow calls can be under way, and never more than four that nobody knows about.
 */
export class KeyGate {
  #proved: string | null = null;
  /** The one login that is under way with a key nobody has proved yet. */
  #isProving = false;
  #refusals = 0;
  #newest = 0;
  #unknown: KeyUse[] = [];
  #changed = Promise.withResolvers<void>();

  /** Refusals so far. */
  get refusals(): number {
    return this.#refusals;
  }

  /** Resolves when more may be admitted than before. */
  get changed(): Promise<void> {
    return this.#changed.promise;
  }

  /** Begins a login of ours, alone until the key is proved; null when it has to wait. */
  begin(hash: string): KeyUse | null {
    const fresh = this.#fresh(hash);
    if (this.#of(hash).length >= MOST_UNKNOWN) return null;
    if (this.#proved === hash) return fresh < MOST_FRESH ? this.#add(hash, false) : null;
    return fresh === 0 && !this.#isProving ? this.#add(hash, true) : null;
  }

  /** Begins a use for somebody else's call, which is never the one that proves a key; null when it has to wait. */
  lend(hash: string): KeyUse | null {
    if (this.#proved !== hash || this.#fresh(hash) >= MOST_FRESH) return null;
    return this.#of(hash).length < MOST_LENT_UNKNOWN ? this.#add(hash, false) : null;
  }

  /** Nothing that is under way will make room for a lent key soon: a login of ours has to tell. */
  needsProof(hash: string): boolean {
    return this.#proved !== hash || this.#fresh(hash) === 0;
  }

  /** It has had the time in which a refusal would have come, or ended without an answer after it was sent. */
  letGo(use: KeyUse): void {
    use.letGoAt ??= this.#newest;
    this.#wake();
  }

  /** The gateway took the key. */
  accepted(use: KeyUse): void {
    this.#proved = use.hash;
    this.#unknown = this.#unknown.filter(
      (other) => other.hash !== use.hash || other.letGoAt === null || other.letGoAt >= use.number,
    );
  }

  /** The gateway did not. Answers how many other uses of this key may have been wrong ones as well. */
  refused(use: KeyUse): number {
    this.#proved = null;
    this.#refusals += 1;
    return this.#of(use.hash).filter((other) => other !== use).length;
  }

  /** It was answered, or never sent. */
  end(use: KeyUse): void {
    this.#unknown = this.#unknown.filter((other) => other !== use);
    if (use.isProving) this.#isProving = false;
    this.#wake();
  }

  #of(hash: string): readonly KeyUse[] {
    return this.#unknown.filter((use) => use.hash === hash);
  }

  #fresh(hash: string): number {
    return this.#of(hash).filter((use) => use.letGoAt === null).length;
  }

  #add(hash: string, isProving: boolean): KeyUse {
    this.#newest += 1;
    const use: KeyUse = { hash, number: this.#newest, isProving, letGoAt: null };
    this.#unknown.push(use);
    if (isProving) this.#isProving = true;
    return use;
  }

  #wake(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers<void>();
  }
}
