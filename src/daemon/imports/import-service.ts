import { join } from 'node:path';
import type { Logger } from 'pino';
import type { ImportLimits } from '../../lib/config/start-config.ts';
import type { Clock } from '../../lib/contract/clock.ts';
import type { ImportPace } from '../../lib/contract/writer.ts';
import { AppError } from '../../lib/errors.ts';
import type { Desk } from '../../lib/store/writer.ts';
import { importFile, type FileImport } from '../../lib/transfer/import/import-file.ts';
import { ImportSessions } from './import-sessions.ts';
import { newId } from './session-record.ts';
import { unavailable, UploadDir } from './upload-dir.ts';
import { receive, WrongLength } from './upload.ts';

export interface ImportServiceOptions {
  readonly clock: Clock;
  readonly dataDir: string;
  readonly desk: Pick<Desk, 'importEvents'>;
  /** Base URL of the gateway that is collected from; `''` before setup. */
  readonly gateway: () => string;
  readonly log: Logger;
  readonly limits: ImportLimits;
}

/** The most that is taken in one request; larger files are uploaded in chunks. */
export const MOST_DIRECT = 64 * 1024 * 1024;
/** A transaction may keep live events waiting so long. */
const PACE: ImportPace = { maxRows: 500, maxMs: 25, pause: false };
const LONGEST_BETWEEN_SWEEPS_MS = 15 * 60_000;

/** Imports over HTTP. One at a time: two would only take turns. */
export class ImportService {
  readonly sessions: ImportSessions;
  readonly #options: ImportServiceOptions;
  readonly #dir: UploadDir;
  readonly #limits: ImportLimits;
  readonly #closing = new AbortController();
  #last: Promise<unknown> = Promise.resolve();
  #sweeping: Promise<void> | null = null;

  constructor(options: ImportServiceOptions) {
    const { clock, dataDir, log } = options;
    this.#options = options;
    this.#limits = options.limits;
    this.#dir = new UploadDir(join(dataDir, 'usage-imports'));
    this.sessions = new ImportSessions({
      dir: this.#dir,
      clock,
      limits: this.#limits,
      run: (path, name, signal) => this.#inTurn(path, name, signal),
      onError: (error) => log.error({ err: error }, 'an import failed'),
    });
  }

  /** Removes what earlier processes left, and from then on what expires. Beginning may be tried again. */
  begin(): void {
    this.#sweeping ??= this.#sweep();
  }

  /** Imports a body. Rejects where it is too long, breaks off or cannot be kept. */
  async direct(body: AsyncIterable<Uint8Array>, length: number | null): Promise<FileImport> {
    await this.sessions.load();
    if (length !== null && length > MOST_DIRECT) throw tooLarge();
    const id = newId();
    const path = this.#dir.part(id);
    try {
      await receive(body, path, 0, MOST_DIRECT, length);
      return await this.#inTurn(path, 'the body', this.#closing.signal);
    } catch (error) {
      if (error instanceof WrongLength) throw tooLarge();
      throw error instanceof AppError ? error : unavailable(path, error);
    } finally {
      await this.#dir.removePart(id);
    }
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.sessions.close();
    await this.#last;
    await this.#sweeping;
  }

  #inTurn(path: string, name: string, signal: AbortSignal): Promise<FileImport> {
    const turn = this.#last.then(() => this.#import(path, name, signal));
    this.#last = turn;
    return turn;
  }

  async #import(path: string, name: string, signal: AbortSignal): Promise<FileImport> {
    const { clock, desk, gateway, log } = this.#options;
    const done = await importFile({
      path,
      name,
      nowMs: clock.now(),
      gateway: gateway(),
      store: (batch) => desk.importEvents(batch, PACE),
      signal,
    });
    const { added, duplicates } = done.outcome;
    log.info(
      { event: 'imported', added, duplicates, failed: done.source?.failed ?? 0 },
      'events were imported',
    );
    return done;
  }

  async #sweep(): Promise<void> {
    const { clock, log } = this.#options;
    const { signal } = this.#closing;
    while (!signal.aborted) {
      try {
        await this.sessions.load();
        await this.sessions.sweep();
      } catch (error) {
        log.error({ err: error }, 'the folder of uploads cannot be used');
      }
      await clock.sleep(Math.min(this.#limits.ttlMs / 4, LONGEST_BETWEEN_SWEEPS_MS), signal);
    }
  }
}

function tooLarge(): AppError {
  return new AppError('request_failed', {
    detail: `http: request body too large (at most ${MOST_DIRECT} bytes)`,
    hint: 'Upload it in chunks (POST /v0/management/usage/import-sessions), or run: cpamp import',
    status: 413,
  });
}
