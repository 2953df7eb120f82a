import type { UsageImportResult, UsageImportSession } from '../../lib/contract/api/usage-import.ts';
import type { ImportLimits } from '../../lib/config/start-config.ts';
import type { Clock } from '../../lib/contract/clock.ts';
import { AppError } from '../../lib/errors.ts';
import type { FileImport } from '../../lib/transfer/import/import-file.ts';
import { importResult } from './import-result.ts';
import {
  isActive,
  newId,
  publicSession,
  readRecord,
  safeFilename,
  type SessionRecord,
} from './session-record.ts';
import { unavailable, UPLOAD_ID, type UploadDir } from './upload-dir.ts';
import { receive, WrongLength } from './upload.ts';

export interface ImportSessionsOptions {
  readonly dir: UploadDir;
  readonly clock: Clock;
  readonly limits: ImportLimits;
  /** Imports a file; never rejects. */
  readonly run: (path: string, name: string, signal: AbortSignal) => Promise<FileImport>;
  readonly onError: (error: unknown) => void;
}

export interface NewSession {
  readonly filename: string;
  readonly sizeBytes: number;
  readonly resumeKey: string | null;
}

const CANCELLED = 'usage import cancelled';
const conflict = (detail: string): AppError => new AppError('usage_import_session_conflict', { detail });
const invalid = (detail: string): AppError =>
  new AppError('usage_import_session_invalid_request', { detail });

/** Uploads of files to import, in chunks, that outlive a lost connection and a restart. */
export class ImportSessions {
  readonly #options: ImportSessionsOptions;
  readonly #sessions = new Map<string, SessionRecord>();
  /** Sessions that a chunk is being written to. */
  readonly #receiving = new Set<string>();
  readonly #running = new Map<string, { readonly abort: AbortController; readonly done: Promise<void> }>();
  #loaded: Promise<void> | null = null;
  #closing = false;

  constructor(options: ImportSessionsOptions) {
    this.#options = options;
  }

  /** A new session, or the one with this resume key. */
  async create({ filename, sizeBytes, resumeKey }: NewSession): Promise<UsageImportSession> {
    await this.#ready();
    if (!Number.isSafeInteger(sizeBytes) || sizeBytes <= 0)
      throw invalid('size_bytes must be a number above 0');
    if (resumeKey !== null && !UPLOAD_ID.test(resumeKey)) {
      throw invalid('resume_key must be 32 lower-case hex digits');
    }
    const name = safeFilename(filename);
    const free = await this.#options.dir.free();
    // Nothing is waited for from here to where it has its place: two at once would both find it free.
    const same = [...this.#sessions.values()].find(
      (one) => resumeKey !== null && one.resume_key === resumeKey,
    );
    if (same !== undefined) {
      if (same.size_bytes === sizeBytes && same.filename === name) return publicSession(same);
      throw conflict('the resume key belongs to another file');
    }
    this.#makeSureOfRoom(sizeBytes, free);
    const { clock, limits } = this.#options;
    const now = clock.now();
    const record: SessionRecord = {
      id: newId(),
      filename: name,
      status: 'uploading',
      size_bytes: sizeBytes,
      received_bytes: 0,
      chunk_size_bytes: Math.min(limits.chunkBytes, sizeBytes),
      created_at_ms: now,
      updated_at_ms: now,
      expires_at_ms: now + limits.ttlMs,
      retryable: false,
      ...(resumeKey === null ? {} : { resume_key: resumeKey }),
    };
    this.#sessions.set(record.id, record);
    try {
      await this.#options.dir.save(record.id, record);
    } catch (error) {
      this.#sessions.delete(record.id);
      throw error;
    }
    return publicSession(record);
  }

  async get(id: string): Promise<UsageImportSession> {
    await this.#ready();
    return publicSession(this.#find(id));
  }

  /** Writes the next bytes of the file. `length` is what the client announced, null when it did not. */
  async chunk(
    id: string,
    offset: number,
    body: AsyncIterable<Uint8Array>,
    length: number | null,
  ): Promise<UsageImportSession> {
    await this.#ready();
    const session = this.#find(id);
    if (session.status !== 'uploading') throw conflict(`the session is ${session.status}`);
    if (this.#receiving.has(id)) throw conflict('another chunk is on its way');
    if (offset !== session.received_bytes) {
      throw conflict(`usage import offset mismatch: expected ${session.received_bytes}`);
    }
    const most = Math.min(session.chunk_size_bytes, session.size_bytes - session.received_bytes);
    if (length !== null && (length === 0 || length > most))
      throw invalid(`a chunk has 1 to ${most} bytes here`);
    this.#receiving.add(id);
    try {
      const written = await this.#receive(id, offset, body, most, length);
      const received = session.received_bytes + written;
      const status = received === session.size_bytes ? 'ready' : 'uploading';
      // It may have been cancelled meanwhile.
      const now = this.#sessions.get(id);
      if (now === undefined || now.status !== 'uploading') throw conflict('the session was cancelled');
      return publicSession(await this.#change(now, { received_bytes: received, status }));
    } finally {
      this.#receiving.delete(id);
      if (this.#sessions.get(id)?.status === 'cancelled') await this.#options.dir.removePart(id);
    }
  }

  /** Begins to import what was uploaded. */
  async complete(id: string): Promise<UsageImportSession> {
    await this.#ready();
    const session = this.#find(id);
    const { status } = session;
    if (status === 'completed' || status === 'processing') return publicSession(session);
    if (status === 'uploading') throw conflict('the file is not complete');
    if (status === 'cancelled') throw conflict('the session was cancelled');
    if (status === 'failed' && !session.retryable) throw conflict('the import failed for good');
    const { error: _error, result: _result, ...rest } = session;
    const begun = this.#touched({ ...rest, status: 'processing', retryable: false });
    this.#sessions.set(id, begun);
    const abort = new AbortController();
    const saved = this.#options.dir.save(id, begun);
    // Under way from now on: who cancels it meanwhile is heard.
    this.#running.set(id, { abort, done: this.#process(begun, saved, abort.signal) });
    await saved;
    return publicSession(begun);
  }

  /** Ends it; what was imported stays. */
  async cancel(id: string): Promise<UsageImportSession> {
    await this.#ready();
    const session = this.#find(id);
    if (session.status === 'completed' || session.status === 'cancelled') return publicSession(session);
    const running = this.#running.get(id);
    if (running !== undefined) {
      const asked = await this.#change(session, { cancel_requested: true });
      running.abort.abort();
      return publicSession(asked);
    }
    this.#sessions.set(id, { ...session, status: 'cancelled', retryable: false, error: CANCELLED });
    // First the bytes: a full disk may have no room to note it, and this is how room is made.
    if (!this.#receiving.has(id)) await this.#options.dir.removePart(id);
    return publicSession(
      await this.#change(session, { status: 'cancelled', retryable: false, error: CANCELLED }),
    );
  }

  /** Removes what expired. */
  async sweep(): Promise<void> {
    if (this.#loaded === null) return;
    await this.#loaded;
    const now = this.#options.clock.now();
    for (const { id, status, expires_at_ms: expiresAtMs } of this.#sessions.values()) {
      if (expiresAtMs > now || status === 'processing' || this.#receiving.has(id)) continue;
      this.#sessions.delete(id);
      await this.#options.dir.remove(id);
    }
  }

  /** An import that is under way ends early; the next process begins it again. */
  async close(): Promise<void> {
    this.#closing = true;
    const running = [...this.#running.values()];
    for (const { abort } of running) abort.abort();
    await Promise.all(running.map(({ done }) => done));
  }

  /** Reads what earlier processes left. */
  async load(): Promise<void> {
    this.#loaded ??= this.#load();
    try {
      await this.#loaded;
    } catch (error) {
      this.#loaded = null;
      throw error;
    }
  }

  async #ready(): Promise<void> {
    if (this.#closing) throw new AppError('starting');
    await this.load();
    await this.sweep();
  }

  async #load(): Promise<void> {
    const { dir } = this.#options;
    await dir.prepare();
    for (const { id, meta, bytes } of await dir.load()) {
      const record = readRecord(meta, id);
      if (record === null) await dir.remove(id);
      else this.#sessions.set(id, await this.#recovered(record, bytes));
    }
  }

  async #recovered(record: SessionRecord, bytes: number | null): Promise<SessionRecord> {
    if (!isActive(record)) return record;
    const { dir } = this.#options;
    const fail = (error: string, status: 'failed' | 'cancelled'): SessionRecord => ({
      ...record,
      status,
      retryable: false,
      error,
    });
    const have = bytes ?? 0;
    let next: SessionRecord;
    if (record.cancel_requested === true) next = fail(CANCELLED, 'cancelled');
    else if (have > record.size_bytes) next = fail('the uploaded file is longer than it should be', 'failed');
    else if (bytes === null && record.received_bytes > 0) next = fail('the uploaded file is gone', 'failed');
    else if (record.status === 'failed') next = record;
    else
      next = { ...record, received_bytes: have, status: have === record.size_bytes ? 'ready' : 'uploading' };
    if (!isActive(next)) await dir.removePart(record.id);
    await dir.save(record.id, next);
    return next;
  }

  /** Not to be waited for: what it finds would be that of a moment before. */
  #find(id: string): SessionRecord {
    const session = UPLOAD_ID.test(id) ? this.#sessions.get(id) : undefined;
    if (session === undefined) throw new AppError('usage_import_session_not_found');
    return session;
  }

  /** `free` is what the disk has left, null where nobody knows. */
  #makeSureOfRoom(sizeBytes: number, free: number | null): void {
    const { limits } = this.#options;
    if (sizeBytes > limits.quotaBytes) {
      throw new AppError('usage_import_session_too_large', { detail: `at most ${limits.quotaBytes} bytes` });
    }
    const active = [...this.#sessions.values()].filter(isActive);
    if (active.length >= limits.maxSessions) throw new AppError('usage_import_session_limit_exceeded');
    const reserved = active.reduce((sum, session) => sum + session.size_bytes, 0);
    if (reserved + sizeBytes > limits.quotaBytes) throw new AppError('usage_import_session_quota_exceeded');
    const missing = active.reduce((sum, session) => sum + session.size_bytes - session.received_bytes, 0);
    if (free !== null && missing + sizeBytes > free) {
      throw new AppError('usage_import_session_quota_exceeded', {
        detail: `the disk has ${free} bytes left`,
      });
    }
  }

  async #receive(
    id: string,
    offset: number,
    body: AsyncIterable<Uint8Array>,
    most: number,
    length: number | null,
  ): Promise<number> {
    try {
      const written = await receive(body, this.#options.dir.part(id), offset, most, length);
      if (written === 0) throw invalid('the chunk is empty');
      return written;
    } catch (error) {
      if (error instanceof AppError) throw error;
      if (error instanceof WrongLength)
        throw invalid(`the chunk is ${error.message}; it has 1 to ${most} bytes here`);
      throw unavailable(id, error);
    }
  }

  async #process(session: SessionRecord, saved: Promise<void>, signal: AbortSignal): Promise<void> {
    const { dir, onError, run } = this.#options;
    const { id } = session;
    try {
      await saved;
    } catch {
      // Whoever asked for it is told. It can be asked for again.
      this.#sessions.set(id, { ...session, status: 'ready' });
      this.#running.delete(id);
      return;
    }
    try {
      const done = await run(dir.part(id), session.filename, signal);
      // The next process finds it under way, and begins it again.
      if (this.#closing) return;
      await this.#end(id, done, signal.aborted);
    } catch (error) {
      // Its end could not be saved. What was imported is not imported again when it is completed again.
      onError(error);
      this.#sessions.set(id, { ...session, ...endOf(unavailable(id, error), true, false) });
    } finally {
      this.#running.delete(id);
    }
  }

  async #end(id: string, done: FileImport, cancelled: boolean): Promise<void> {
    const session = this.#sessions.get(id);
    if (session === undefined) return;
    const result: UsageImportResult = importResult(done);
    const { storeError } = done;
    if (storeError !== null) this.#options.onError(storeError);
    const failure = storeError ?? done.error;
    const ended = this.#touched({ ...session, ...endOf(failure, storeError !== null, cancelled), result });
    await this.#options.dir.save(id, ended);
    if (!ended.retryable) await this.#options.dir.removePart(id);
    // Seen only now: who sees the end may count on the bytes being gone.
    this.#sessions.set(id, ended);
  }

  #change(session: SessionRecord, changed: Partial<SessionRecord>): Promise<SessionRecord> {
    return this.#replace({ ...session, ...changed });
  }

  async #replace(session: SessionRecord): Promise<SessionRecord> {
    const next = this.#touched(session);
    this.#sessions.set(next.id, next);
    await this.#options.dir.save(next.id, next);
    return next;
  }

  #touched(session: SessionRecord): SessionRecord {
    const { clock, limits } = this.#options;
    const now = clock.now();
    return { ...session, updated_at_ms: now, expires_at_ms: now + limits.ttlMs };
  }
}

function endOf(failure: AppError | null, retryable: boolean, cancelled: boolean): Partial<SessionRecord> {
  if (cancelled) return { status: 'cancelled', retryable: false, error: CANCELLED };
  if (failure === null) return { status: 'completed', retryable: false };
  return { status: 'failed', retryable, error: failure.message };
}
