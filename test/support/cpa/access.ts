import type { Clock } from '../../../src/lib/contract/clock.ts';

const MAX_FAILURES = 5;
const BAN_MS = 30 * 60_000;

interface Attempts {
  failures: number;
  bannedUntilMs: number | null;
}

export type Decision =
  | { readonly allowed: true }
  | {
      readonly allowed: false;
      readonly status: 401 | 403;
      readonly message: string;
      readonly banned: boolean;
    };

const refuse = (status: 401 | 403, message: string, banned = false): Decision => ({
  allowed: false,
  status,
  message,
  banned,
});

/** A Go duration of whole seconds: `29m59s`, `30m0s`, `12s`. */
function goDuration(ms: number): string {
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `${seconds}s`;
  return `${Math.floor(seconds / 60)}m${seconds % 60}s`;
}

/** Who may use the management API, and the ban after five failures that HTTP and RESP share per address. */
export class Access {
  /** The management key in clear; null when the gateway has none. */
  key: string | null;
  allowRemote: boolean;
  readonly #clock: Clock;
  readonly #attempts = new Map<string, Attempts>();

  constructor(key: string | null, allowRemote: boolean, clock: Clock) {
    this.key = key;
    this.allowRemote = allowRemote;
    this.#clock = clock;
  }

  decide(ip: string, provided: string): Decision {
    const attempts = this.#attempts.get(ip);
    if (attempts?.bannedUntilMs != null) {
      const left = attempts.bannedUntilMs - this.#clock.now();
      if (left > 0) {
        return refuse(
          403,
          `IP banned due to too many failed attempts. Try again in ${goDuration(left)}`,
          true,
        );
      }
      attempts.bannedUntilMs = null;
      attempts.failures = 0;
    }
    if (ip !== '127.0.0.1' && ip !== '::1' && !this.allowRemote) {
      return refuse(403, 'remote management disabled');
    }
    if (this.key === null) return refuse(403, 'remote management key not set');
    if (provided === '') return this.#failed(ip, 'missing management key');
    if (provided !== this.key) return this.#failed(ip, 'invalid management key');
    this.#attempts.delete(ip);
    return { allowed: true };
  }

  /** Failures since the last success or ban. */
  failures(ip = '127.0.0.1'): number {
    return this.#attempts.get(ip)?.failures ?? 0;
  }

  bannedUntilMs(ip = '127.0.0.1'): number | null {
    return this.#attempts.get(ip)?.bannedUntilMs ?? null;
  }

  /** As a restart of the gateway does. */
  forget(): void {
    this.#attempts.clear();
  }

  #failed(ip: string, message: string): Decision {
    const attempts = this.#attempts.get(ip) ?? { failures: 0, bannedUntilMs: null };
    this.#attempts.set(ip, attempts);
    attempts.failures += 1;
    if (attempts.failures >= MAX_FAILURES) {
      attempts.bannedUntilMs = this.#clock.now() + BAN_MS;
      attempts.failures = 0;
    }
    return refuse(401, message);
  }
}
