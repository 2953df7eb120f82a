import { isIPv6 } from 'node:net';
import type { Clock } from '../lib/contract/clock.ts';

/** So many wrong keys a minute are answered as wrong; further ones are told to wait. */
const FREE_ATTEMPTS = 10;
const WINDOW_MS = 60_000;
const FIRST_PENALTY_MS = 30_000;
const LONGEST_PENALTY_MS = 300_000;
/** Sources remembered at once. The oldest go first, so that a flood of addresses costs little memory. */
const MOST_SOURCES = 10_000;

interface Attempts {
  windowStart: number;
  wrong: number;
  penaltyMs: number;
  blockedUntil: number;
}

/** Slows down whoever guesses admin keys. It is asked only about wrong keys: a right one always passes. */
export class AttemptThrottle {
  readonly #clock: Clock;
  readonly #sources = new Map<string, Attempts>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Counts one wrong key from `address`. Answers how many ms its sender has to wait, 0 for not at all. */
  wrong(address: string): number {
    const now = this.#clock.monotonic();
    const source = sourceOf(address);
    const attempts = this.#sources.get(source) ?? {
      windowStart: now,
      wrong: 0,
      penaltyMs: 0,
      blockedUntil: 0,
    };
    this.#remember(source, attempts);
    if (now < attempts.blockedUntil) return attempts.blockedUntil - now;
    if (now - attempts.windowStart >= WINDOW_MS) {
      attempts.windowStart = now;
      attempts.wrong = 0;
    }
    attempts.wrong += 1;
    if (attempts.wrong <= FREE_ATTEMPTS) return 0;
    attempts.penaltyMs = Math.min(Math.max(attempts.penaltyMs * 2, FIRST_PENALTY_MS), LONGEST_PENALTY_MS);
    attempts.blockedUntil = now + attempts.penaltyMs;
    return attempts.penaltyMs;
  }

  #remember(source: string, attempts: Attempts): void {
    this.#sources.delete(source);
    this.#sources.set(source, attempts);
    if (this.#sources.size <= MOST_SOURCES) return;
    const oldest = this.#sources.keys().next();
    if (!oldest.done) this.#sources.delete(oldest.value);
  }
}

/** IPv6 users own a whole /64, so its addresses count as one. */
function sourceOf(address: string): string {
  // Some proxies name the client with its port, which is another one each time.
  const host = /^\[(.*)\](?::\d+)?$|^([\d.]+):\d+$/.exec(address);
  const [bare = ''] = (host?.[1] ?? host?.[2] ?? address).split('%', 1);
  if (!isIPv6(bare)) return bare;
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(bare);
  if (mapped?.[1]) return mapped[1];
  const [head = '', tail] = bare.split('::', 2);
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros =
    tail === undefined ? [] : Array.from({ length: Math.max(0, 8 - left.length - right.length) }, () => '0');
  const groups = [...left, ...zeros, ...right]
    .slice(0, 4)
    .map((group) => Number.parseInt(group || '0', 16).toString(16));
  return `${groups.join(':')}::/64`;
}
