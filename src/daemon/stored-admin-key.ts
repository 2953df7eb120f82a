import { createHash } from 'node:crypto';
import { AppError } from '../lib/errors.ts';
import { parseCredential, verifyAdminKey, type AdminCredential } from '../lib/secrets/admin-key.ts';

/** The credential as it was last seen. */
interface Seen {
  /** The stored text; null when there is none, which no key fits. */
  readonly text: string | null;
  readonly credential: AdminCredential | null;
  readonly revision: string;
  readonly replaced: AbortController;
}

/**
 * The admin key as the database knows it at this moment. The row is read each time that it is asked for, so that a key
 * that another process replaces counts from then on, and the old one no more.
 */
export class StoredAdminKey {
  readonly #read: () => string | null;
  #seen: Seen;

  /** `read` gives the stored credential; it may throw `database_locked`, later than here: then the last one counts. */
  constructor(read: () => string | null) {
    this.#read = read;
    this.#seen = seen(read());
  }

  verify(key: string): boolean {
    const { credential } = this.#look();
    return credential !== null && verifyAdminKey(credential, key);
  }

  /** Differs for each credential that ever was: what was given for one does not count for another. */
  get revision(): string {
    return this.#look().revision;
  }

  /** Aborts when the present key is replaced. */
  get replaced(): AbortSignal {
    return this.#look().replaced.signal;
  }

  #look(): Seen {
    const before = this.#seen;
    const text = this.#textNow();
    if (text === before.text) return before;
    this.#seen = seen(text);
    before.replaced.abort();
    return this.#seen;
  }

  #textNow(): string | null {
    try {
      return this.#read();
    } catch (error) {
      if (error instanceof AppError && error.code === 'database_locked') return this.#seen.text;
      throw error;
    }
  }
}

function seen(text: string | null): Seen {
  return {
    text,
    credential: text === null ? null : parseCredential(text),
    revision: createHash('sha256')
      .update(text ?? '')
      .digest('hex')
      .slice(0, 16),
    replaced: new AbortController(),
  };
}
