import { Worker } from 'node:worker_threads';
import type { TakeoverMark } from '../contract/takeover.ts';
import type { ImportOutcome, ImportPace, Writer } from '../contract/writer.ts';
import { AppError } from '../errors.ts';
import type { AliasChange } from './alias-store.ts';
import { buffersOf, type EventBatch } from './event-batch.ts';
import type { FillStep } from './fill-prices.ts';
import type { PriceChange, PriceChanged, PriceList } from './price-writer.ts';
import { workerUrl } from './worker-url.ts';
import {
  packRecords,
  unpackError,
  type WriterCall,
  type WriterMessage,
  type WriterReply,
  type WriterRequest,
  type WriterState,
  type WriterWorkerData,
} from './writer-protocol.ts';

export interface WriterOptions {
  readonly dbPath: string;
  /** The 32 bytes of data.key; null keeps dead letters without their originals. */
  readonly dataKey: Uint8Array | null;
  /** How long a call waits for another process's lock before it is refused. 10 s. */
  readonly patienceMs?: number;
  /** How long `close` waits for the worker before it does without its answer. 8 s. */
  readonly closeMs?: number;
  /** A lock is in the way, or no longer. Called at once, long before patience ends. */
  readonly onState?: (state: WriterState) => void;
  /** The worker ended without being asked; all its calls were rejected, and further ones are. */
  readonly onExit?: (error: AppError) => void;
}

/** What the writer does besides storing what is collected. Rejects with an AppError; nothing is half done. */
export interface Desk {
  /** Changes the saved prices; raises `prices` when anything changed. */
  changePrices(change: PriceChange): Promise<PriceChanged>;
  /** Every price that counts, by model. Asked here, because the embedded prices are loaded in this thread. */
  listPrices(): Promise<PriceList>;
  /** Gives events behind the one with id `after` a price that had none, as far as there is one by now. */
  fillPrices(after: number): Promise<FillStep>;
  /** Removes a part of what can no longer be undone; whether there is more. */
  forgetRecalcs(): Promise<boolean>;
  /** Whether anything changed; rejects with `api_key_alias_duplicate`. */
  changeAliases(change: AliasChange): Promise<boolean>;
  /**
   * Stores each event of the batch that is not there yet, in transactions of its own between the others. The batch must
   * not be used afterwards. When it rejects, what was stored before stays. With a mark, how far an old volume has been
   * copied is noted in those same transactions.
   */
  importEvents(batch: EventBatch, pace: ImportPace, mark?: TakeoverMark): Promise<ImportOutcome>;
}

const PATIENCE_MS = 10_000;
/** Waiting for a lock takes a part of this, and bringing the log into the file another. */
const CLOSE_MS = 8_000;

/** The worker answered one call with what belongs to another. */
const strange = (call: WriterCall['call']): AppError =>
  new AppError('internal', { detail: `the writer's answer to ${call}` });

interface Pending {
  readonly resolve: (value: WriterReply) => void;
  readonly reject: (error: AppError) => void;
}

/**
 * Opens, creates or migrates the database in a worker thread and gives the only writer to it. Rejects with what
 * `openDatabase` throws. No other connection of this process may be open before it resolves.
 */
export function startWriter(options: WriterOptions): Promise<Writer & Desk> {
  const workerData: WriterWorkerData = {
    dbPath: options.dbPath,
    dataKey: options.dataKey,
    patienceMs: options.patienceMs ?? PATIENCE_MS,
  };
  const worker = new Worker(workerUrl('writer-worker', import.meta.url), { workerData });
  return new Promise((resolve, reject) => {
    const client = new WriterClient(worker, options);
    client.started.then(() => resolve(client), reject);
  });
}

/** The main thread's side: numbered calls, answered in any order. */
class WriterClient implements Writer, Desk {
  readonly started: Promise<void>;
  readonly #worker: Worker;
  readonly #closeMs: number;
  readonly #pending = new Map<number, Pending>();
  #seq = 0;
  /** Why no call can succeed any more. */
  #ended: AppError | null = null;
  #closing: Promise<void> | null = null;

  constructor(worker: Worker, options: WriterOptions) {
    this.#worker = worker;
    this.#closeMs = options.closeMs ?? CLOSE_MS;
    this.started = new Promise((resolve, reject) => {
      let failure: AppError | null = null;
      let ready = false;
      worker.on('message', (message: WriterMessage) => {
        if (message.kind === 'ready') {
          ready = true;
          resolve();
        } else if (message.kind === 'failed') failure = unpackError(message.error);
        else if (message.kind === 'state') options.onState?.(message.state);
        else this.#answer(message);
      });
      worker.on('error', (error) => {
        failure ??= new AppError('database_failed', { detail: `the writer broke: ${error.message}` });
      });
      worker.on('exit', (code) => {
        const wanted = this.#closing !== null && failure === null;
        const error =
          failure ??
          new AppError('database_failed', {
            detail: wanted ? 'the writer is closed' : `the writer ended by itself (${code})`,
          });
        this.#end(error);
        reject(error);
        if (ready && !wanted) options.onExit?.(error);
      });
    });
  }

  commit: Writer['commit'] = async (records, position) => {
    const packed = packRecords(records);
    const request = { call: 'commit', records: packed, position } as const;
    const reply = await this.#call(request, [packed.bytes, packed.numbers.buffer]);
    if (typeof reply !== 'object' || reply === null || !('eventsRevision' in reply)) throw strange('commit');
    return reply;
  };

  gateway: Writer['gateway'] = async (baseUrl) => {
    const reply = await this.#call({ call: 'gateway', baseUrl });
    if (typeof reply !== 'number') throw strange('gateway');
    return reply;
  };

  openGap: Writer['openGap'] = async (gap) => {
    const reply = await this.#call({ call: 'openGap', gap });
    if (typeof reply !== 'number') throw strange('openGap');
    return reply;
  };

  closeGap: Writer['closeGap'] = async (id, toMs, estimate) => {
    await this.#call({ call: 'closeGap', id, toMs, estimate });
  };

  saveContact: Writer['saveContact'] = async (contact) => {
    await this.#call({ call: 'saveContact', contact });
  };

  saveSettings: Writer['saveSettings'] = async (rows) => {
    await this.#call({ call: 'saveSettings', rows });
  };

  saveSession: Writer['saveSession'] = async (session) => {
    await this.#call({ call: 'saveSession', session });
  };

  touchSession: Writer['touchSession'] = async (tokenHash, lastUsedMs, expiresAtMs) => {
    await this.#call({ call: 'touchSession', tokenHash, lastUsedMs, expiresAtMs });
  };

  endSession: Writer['endSession'] = async (tokenHash) => {
    await this.#call({ call: 'endSession', tokenHash });
  };

  pruneSessions: Writer['pruneSessions'] = async (credential, nowMs) => {
    await this.#call({ call: 'pruneSessions', credential, nowMs });
  };

  changePrices: Desk['changePrices'] = async (change) => {
    const reply = await this.#call({ call: 'changePrices', change });
    if (typeof reply !== 'object' || reply === null || !('protected' in reply)) throw strange('changePrices');
    return reply;
  };

  listPrices: Desk['listPrices'] = async () => {
    const reply = await this.#call({ call: 'listPrices' });
    if (typeof reply !== 'object' || reply === null || !('prices' in reply)) throw strange('listPrices');
    return reply.prices;
  };

  fillPrices: Desk['fillPrices'] = async (after) => {
    const reply = await this.#call({ call: 'fillPrices', after });
    if (typeof reply !== 'object' || reply === null || !('filled' in reply)) throw strange('fillPrices');
    return reply;
  };

  forgetRecalcs: Desk['forgetRecalcs'] = async () => {
    const reply = await this.#call({ call: 'forgetRecalcs' });
    if (typeof reply !== 'boolean') throw strange('forgetRecalcs');
    return reply;
  };

  changeAliases: Desk['changeAliases'] = async (change) => {
    const reply = await this.#call({ call: 'changeAliases', change });
    if (typeof reply !== 'boolean') throw strange('changeAliases');
    return reply;
  };

  importEvents: Desk['importEvents'] = async (batch, pace, mark) => {
    const request = { call: 'importEvents', batch, pace, mark: mark ?? null } as const;
    const reply = await this.#call(request, buffersOf(batch));
    if (typeof reply !== 'object' || reply === null || !('sums' in reply)) throw strange('importEvents');
    return reply;
  };

  /**
   * What was asked before gets about 1 s in all where another process holds a lock, and is refused then. Resolves also
   * when the worker ended otherwise, or hangs (on a disk that does not answer): its calls were rejected.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    if (this.#ended !== null) return;
    const over = Promise.withResolvers<void>();
    this.#worker.once('exit', over.resolve);
    const giveUp = setTimeout(() => {
      this.#end(new AppError('database_failed', { detail: 'the writer does not answer' }));
      this.#worker.unref();
      void this.#worker.terminate();
      over.resolve();
    }, this.#closeMs);
    try {
      await this.#call({ call: 'close' });
    } catch (error) {
      if (this.#ended === null) throw error;
    } finally {
      await over.promise;
      clearTimeout(giveUp);
    }
  }

  #call(call: WriterCall, transfer: ArrayBuffer[] = []): Promise<WriterReply> {
    if (this.#ended !== null) return Promise.reject(this.#ended);
    this.#seq += 1;
    const request: WriterRequest = { seq: this.#seq, call };
    return new Promise((resolve, reject) => {
      this.#pending.set(request.seq, { resolve, reject });
      this.#worker.postMessage(request, transfer);
    });
  }

  #answer(message: Extract<WriterMessage, { seq: number }>): void {
    const pending = this.#pending.get(message.seq);
    this.#pending.delete(message.seq);
    if (message.kind === 'reply') pending?.resolve(message.value);
    else pending?.reject(unpackError(message.error));
  }

  #end(error: AppError): void {
    this.#ended ??= error;
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
  }
}
