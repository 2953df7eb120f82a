import { createHash, randomBytes } from 'node:crypto';
import type { Clock } from '../lib/contract/clock.ts';
import type { StoredSession, Writer } from '../lib/contract/writer.ts';
import { AppError } from '../lib/errors.ts';

/** A session ends so long after it was last used. */
export const SESSION_MS = 30 * 24 * 60 * 60 * 1_000;
/** A use is written down at most so often. */
const TOUCH_MS = 60 * 60 * 1_000;
/** How often is looked for sessions that ended while an answer still runs on them. */
const CHECK_MS = 1_000;
const TOKEN_BYTES = 32;
const TOKEN = /^[\w-]{43}$/;

export interface SessionsOptions {
  readonly clock: Clock;
  readonly writer: Pick<Writer, 'saveSession' | 'touchSession' | 'endSession' | 'pruneSessions'>;
  /** Reads one session; throws AppError (`database_locked`, `database_failed`). */
  readonly read: (tokenHash: Uint8Array) => StoredSession | null;
  /** The admin credential that counts now. */
  readonly credential: { readonly revision: string };
  /** 32 hex digits. */
  readonly databaseId: string;
}

/** A login that counts. */
export interface Session {
  /** Epoch ms. It moves on with use. */
  readonly expiresAtMs: number;
  /** Aborts when the session ends. */
  readonly ended: AbortSignal;
}

/** A session that was used since the start. */
class LiveSession implements Session {
  readonly tokenHash: Uint8Array;
  readonly credential: string;
  readonly end = new AbortController();
  expiresAtMs: number;
  lastUsedMs: number;
  touching = false;

  constructor(stored: StoredSession) {
    this.tokenHash = stored.tokenHash;
    this.credential = stored.credential;
    this.expiresAtMs = stored.expiresAtMs;
    this.lastUsedMs = stored.lastUsedMs;
  }

  get ended(): AbortSignal {
    return this.end.signal;
  }
}

/**
 * Logins of browsers: a token for the admin key. The database keeps the token's SHA-256, so that whoever reads the file
 * cannot log in, and a restart ends nothing. A session ends 30 days after its last use, by logout, and with the key
 * that it was given for.
 */
export class Sessions {
  /** Cookies are shared by all ports of a host: the name tells those of several daemons apart. */
  readonly cookieName: string;
  readonly #options: SessionsOptions;
  /** By the hex of the token's hash. */
  readonly #live = new Map<string, LiveSession>();
  /** Logged out, and still in the database. */
  readonly #loggedOut = new Set<string>();

  constructor(options: SessionsOptions) {
    this.#options = options;
    this.cookieName = `cpamp_session_${options.databaseId.slice(0, 8)}`;
  }

  /** A new session. The token is nowhere but in this answer. */
  async create(): Promise<{ readonly token: string; readonly expiresAtMs: number }> {
    const { clock, writer, credential } = this.#options;
    const token = randomBytes(TOKEN_BYTES).toString('base64url');
    const now = clock.now();
    const expiresAtMs = now + SESSION_MS;
    await writer.saveSession({
      tokenHash: hashOf(token),
      credential: credential.revision,
      createdAtMs: now,
      expiresAtMs,
      lastUsedMs: now,
    });
    return { token, expiresAtMs };
  }

  /** The session of this token while it counts. Throws AppError when the database cannot say. */
  find(token: string | undefined): Session | null {
    if (token === undefined || !TOKEN.test(token)) return null;
    const tokenHash = hashOf(token);
    const id = hex(tokenHash);
    if (this.#loggedOut.has(id)) return null;
    const session = this.#stored(id, tokenHash);
    if (session !== null && this.#counts(session, this.#options.credential.revision)) {
      this.#live.set(id, session);
      return session;
    }
    this.#forget(id);
    return null;
  }

  /**
   * Notes that a session was used. True when its end moved on, about once an hour: then the browser has to hear of it.
   * Nobody waits for the writing of it, and where it fails a later use tries again.
   */
  use(session: Session): boolean {
    const { clock, writer } = this.#options;
    const now = clock.now();
    if (!(session instanceof LiveSession) || session.touching || now - session.lastUsedMs < TOUCH_MS) {
      return false;
    }
    session.touching = true;
    session.expiresAtMs = now + SESSION_MS;
    const written = (): void => {
      session.touching = false;
      session.lastUsedMs = now;
    };
    const failed = (): void => {
      session.touching = false;
    };
    writer.touchSession(session.tokenHash, now, session.expiresAtMs).then(written, failed);
    return true;
  }

  /**
   * Logs out. The session counts no more from this call on, whatever happens; rejects with an AppError when the database
   * could not be told, and a restart would know it again.
   */
  async end(token: string): Promise<void> {
    if (!TOKEN.test(token)) return;
    const tokenHash = hashOf(token);
    const id = hex(tokenHash);
    if (this.#stored(id, tokenHash) === null) return;
    this.#loggedOut.add(id);
    this.#forget(id);
    await this.#options.writer.endSession(tokenHash);
    this.#loggedOut.delete(id);
  }

  /** Ends what has expired, or was given for a key that has been replaced, also while nobody asks for it. */
  check(): void {
    const { revision } = this.#options.credential;
    for (const [id, session] of this.#live) if (!this.#counts(session, revision)) this.#forget(id);
  }

  /** Looks after the sessions until the signal aborts. */
  async watch(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    // Rows that can never count again are only a waste of space: where this fails, the next login takes them away.
    void this.#prune().catch(() => {});
    while (!signal.aborted) {
      try {
        this.check();
      } catch (error) {
        // A database that cannot be read is somebody else's to report; the next look tries again.
        if (!(error instanceof AppError)) throw error;
      }
      await clock.sleep(CHECK_MS, signal);
    }
  }

  async #prune(): Promise<void> {
    const { clock, writer, credential } = this.#options;
    await writer.pruneSessions(credential.revision, clock.now());
  }

  #counts(session: LiveSession, revision: string): boolean {
    return session.expiresAtMs > this.#options.clock.now() && session.credential === revision;
  }

  /** As the database has it. One that was used before goes on while another process locks the file. */
  #stored(id: string, tokenHash: Uint8Array): LiveSession | null {
    const live = this.#live.get(id) ?? null;
    try {
      const stored = this.#options.read(tokenHash);
      return stored && (live ?? new LiveSession(stored));
    } catch (error) {
      if (live !== null && error instanceof AppError && error.code === 'database_locked') return live;
      throw error;
    }
  }

  #forget(id: string): void {
    const session = this.#live.get(id);
    this.#live.delete(id);
    session?.end.abort();
  }
}

function hashOf(token: string): Uint8Array {
  return createHash('sha256').update(token).digest();
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
