import { createHash, timingSafeEqual } from 'node:crypto';
import type { Clock } from '../lib/contract/clock.ts';
import { AppError } from '../lib/errors.ts';
import { AttemptThrottle } from './attempt-throttle.ts';

export interface AdminAccessOptions {
  readonly clock: Clock;
  /** True when this is the admin key. */
  readonly verify: (key: string) => boolean;
  /** The saved key of the gateway, to recognise it when it is typed in the wrong place; '' without one. */
  readonly managementKey: () => string;
}

/** Decides whether a request comes from somebody who has the admin key. */
export class AdminAccess {
  readonly #options: AdminAccessOptions;
  readonly #throttle: AttemptThrottle;

  constructor(options: AdminAccessOptions) {
    this.#options = options;
    this.#throttle = new AttemptThrottle(options.clock);
  }

  /** Throws `invalid_admin_key`, `cpa_key_given` or `too_many_attempts`. `address` is the client's. */
  require(authorization: string | undefined, address: string): void {
    const key = bearer(authorization);
    if (key !== null && this.#options.verify(key)) return;
    // A request without any key is somebody who has not logged in yet, not somebody who guesses.
    if (key === null) throw new AppError('invalid_admin_key');
    const waitMs = this.#throttle.wrong(address);
    if (waitMs > 0) {
      const seconds = Math.ceil(waitMs / 1_000);
      throw new AppError('too_many_attempts', { headers: { 'retry-after': String(seconds) } });
    }
    throw new AppError(sameText(key, this.#options.managementKey()) ? 'cpa_key_given' : 'invalid_admin_key');
  }

  /** Whether the request carries the admin key. A wrong one counts as an attempt. */
  allows(authorization: string | undefined, address: string): boolean {
    try {
      this.require(authorization, address);
      return true;
    } catch (error) {
      if (error instanceof AppError && error.code === 'invalid_admin_key') return false;
      throw error;
    }
  }
}

/** The key of `Authorization: Bearer <key>`; the scheme in any case, the rest trimmed. Null when there is none. */
function bearer(authorization: string | undefined): string | null {
  if (authorization === undefined) return null;
  const match = /^bearer (.*)$/is.exec(authorization.trim());
  const key = match?.[1]?.trim();
  return key ? key : null;
}

/** Compares in a time that does not depend on where the texts differ. */
function sameText(a: string, b: string): boolean {
  if (a === '' || b === '') return false;
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}
