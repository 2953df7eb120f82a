import { createHash, timingSafeEqual } from 'node:crypto';
import type { Clock } from '../lib/contract/clock.ts';
import { AppError } from '../lib/errors.ts';
import { AttemptThrottle } from './attempt-throttle.ts';
import type { Caller } from './caller.ts';
import { fromOwnPage, type Provenance } from './own-origin.ts';
import type { Sessions } from './sessions.ts';

export interface AdminAccessOptions {
  readonly clock: Clock;
  /** The admin key that counts now; `replaced` aborts when it does no more. */
  readonly key: { verify(key: string): boolean; readonly replaced: AbortSignal };
  readonly sessions: Pick<Sessions, 'find' | 'use'>;
  /** The saved key of the gateway, to recognise it when it is typed in the wrong place; '' without one. */
  readonly managementKey: () => string;
}

/** What of a request decides who sent it. */
export interface RequestFacts extends Provenance {
  readonly authorization: string | undefined;
  /** What the cookie of our name holds. */
  readonly token: string | undefined;
  /** The client's. */
  readonly address: string;
}

export interface Login extends Caller {
  /** Epoch ms; null for the key itself. */
  readonly expiresAtMs: number | null;
  /** The session's end moved on with this request: the browser's cookie has to follow. */
  readonly renewed: boolean;
}

/** Decides whether a request comes from somebody who has the admin key, or a session that was given for it. */
export class AdminAccess {
  readonly #options: AdminAccessOptions;
  readonly #throttle: AttemptThrottle;

  constructor(options: AdminAccessOptions) {
    this.#options = options;
    this.#throttle = new AttemptThrottle(options.clock);
  }

  /** As {@link identify}; throws `invalid_admin_key` also for somebody who has not logged in. */
  require(request: RequestFacts): Login {
    const login = this.identify(request);
    if (login === null) throw new AppError('invalid_admin_key');
    return login;
  }

  /**
   * Null for somebody who has not logged in. `Authorization` alone decides where it is sent, else the cookie; a Basic
   * one is the login of a proxy before us, which browsers repeat with every request, and none of ours. Throws
   * `invalid_admin_key`, `cpa_key_given` or `too_many_attempts` for a wrong key, and `foreign_origin` for a session
   * that the page of somebody else makes use of.
   */
  identify(request: RequestFacts): Login | null {
    const { sessions, key } = this.#options;
    if (request.authorization !== undefined && !isBasic(request.authorization)) {
      this.#verify(request.authorization, request.address);
      return { kind: 'bearer', ended: key.replaced, expiresAtMs: null, renewed: false };
    }
    const session = sessions.find(request.token);
    if (session === null) return null;
    if (!fromOwnPage(request)) throw new AppError('foreign_origin');
    const renewed = sessions.use(session);
    return { kind: 'session', ended: session.ended, expiresAtMs: session.expiresAtMs, renewed };
  }

  /**
   * Whether the admin key is in this header, in whatever scheme, so that it is not sent on to somebody else. Nothing is
   * counted: other keys are none of our business.
   */
  carriesAdminKey(authorization: string): boolean {
    const text = authorization.trim();
    const { key } = this.#options;
    return key.verify(text) || key.verify(text.replace(/^\S+\s+/, ''));
  }

  #verify(authorization: string, address: string): void {
    const key = bearer(authorization);
    // A header without a key in it is a mistake, and no guess.
    if (key === null) throw new AppError('invalid_admin_key');
    if (this.#options.key.verify(key)) return;
    const waitMs = this.#throttle.wrong(address);
    if (waitMs > 0) {
      const seconds = Math.ceil(waitMs / 1_000);
      throw new AppError('too_many_attempts', { headers: { 'retry-after': String(seconds) } });
    }
    throw new AppError(sameText(key, this.#options.managementKey()) ? 'cpa_key_given' : 'invalid_admin_key');
  }
}

/** The login of a proxy before us, which browsers repeat with every request. */
export function isBasic(authorization: string | undefined): boolean {
  return /^basic\s/i.test(authorization?.trimStart() ?? '');
}

/** The key of `Authorization: Bearer <key>`; the scheme in any case, the rest trimmed. Null when there is none. */
function bearer(authorization: string): string | null {
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
