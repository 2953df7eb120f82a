import { setImmediate as nextTurn } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { systemClock } from '../clock.ts';
import { AppError } from '../errors.ts';
import { createStandardPricing } from '../pricing/standard-pricing.ts';
import { createSecretBox } from '../secrets/secret-box.ts';
import { normalise } from '../usage/normalise.ts';
import { redactText } from '../usage/redact.ts';
import { changeAliases } from './alias-store.ts';
import { Checkpoints } from './checkpoint.ts';
import { PriceFiller } from './fill-prices.ts';
import { ImportJobs } from './import-jobs.ts';
import { openDatabase } from './open.ts';
import { PriceWriter } from './price-writer.ts';
import { forgetRecalcs } from './recalc-runs.ts';
import { isBusy, toStoreError, type Db } from './sqlite.ts';
import { WriterCore } from './writer-core.ts';
import {
  packError,
  unpackRecords,
  type WriterCall,
  type WriterMessage,
  type WriterReply,
  type WriterRequest,
  type WriterWorkerData,
} from './writer-protocol.ts';

/** Pauses between tries for a lock, doubling. SQLite itself waits its busy timeout in each try. */
const FIRST_PAUSE_MS = 20;
const LONGEST_PAUSE_MS = 1000;
/** Once somebody waits for the end, all that still waits for a lock has so long together. */
const CLOSE_PATIENCE_MS = 1000;

const port = parentPort;
if (port === null) throw new Error('writer-worker runs in a worker thread');

const send = (message: WriterMessage): void => port.postMessage(message);

/** Takes the requests one after the other, also while one waits for a lock. */
class WriterWorker {
  readonly #db: Db;
  readonly #core: WriterCore;
  readonly #imports: ImportJobs;
  readonly #prices: PriceWriter;
  readonly #filler: PriceFiller;
  readonly #checkpoints: Checkpoints;
  readonly #patienceMs: number;
  readonly #queue: WriterRequest[] = [];
  readonly #closing = new AbortController();
  /** From then on nobody waits for a lock any more, in the time of `performance.now`. */
  #deadline = Number.POSITIVE_INFINITY;
  #working = false;
  #locked = false;
  /** Ends the pause of an import when something else is asked. */
  #importPause: AbortController | null = null;

  constructor(db: Db, { dataKey, patienceMs }: WriterWorkerData) {
    const pricing = createStandardPricing();
    this.#db = db;
    this.#patienceMs = patienceMs;
    this.#checkpoints = new Checkpoints(db);
    this.#core = new WriterCore(db, {
      normalise,
      price: pricing.price,
      book: pricing.book,
      letterKeys: dataKey === null ? null : createSecretBox(dataKey),
      redact: (text) => redactText(text, []),
      now: Date.now,
    });
    this.#imports = new ImportJobs(this.#core);
    this.#prices = new PriceWriter(db, pricing.embedded, Date.now);
    this.#filler = new PriceFiller(db, pricing, Date.now);
  }

  take(request: WriterRequest): void {
    if (request.call.call === 'close' && !this.#closing.signal.aborted) {
      this.#deadline = performance.now() + CLOSE_PATIENCE_MS;
      this.#closing.abort();
    }
    this.#queue.push(request);
    this.#importPause?.abort();
    if (!this.#working) void this.#work();
  }

  async #work(): Promise<void> {
    this.#working = true;
    for (;;) {
      const request = this.#queue.shift();
      if (request === undefined) break;
      await this.#answer(request);
      if (request.call.call === 'close') return;
      this.#checkpoints.written(this.#queue.length === 0);
    }
    this.#working = false;
  }

  async #answer(request: WriterRequest): Promise<void> {
    const { seq, call } = request;
    try {
      if (call.call === 'importEvents') {
        await this.#import(request, call);
        return;
      }
      const value = call.call === 'close' ? this.#close() : await this.#patiently(() => this.#do(call));
      send({ kind: 'reply', seq, value });
    } catch (error) {
      send({ kind: 'error', seq, error: packError(toStoreError(error)) });
    }
    if (call.call === 'close') port?.close();
  }

  /** One transaction of an import. What is left of it goes behind everything that waits, or comes until then. */
  async #import(request: WriterRequest, call: Extract<WriterCall, { call: 'importEvents' }>): Promise<void> {
    const { seq } = request;
    this.#imports.begin(seq, call.batch, call.pace, call.mark);
    if (!(await this.#isImportsTurn(this.#imports.wait(seq)))) {
      this.#queue.push(request);
      return;
    }
    try {
      const value = await this.#patiently(() => this.#imports.step(seq));
      if (value !== null) {
        send({ kind: 'reply', seq, value });
        return;
      }
      // What was asked meanwhile is noticed only when the event loop comes round.
      await nextTurn();
      this.#queue.push(request);
    } catch (error) {
      this.#imports.forget(seq);
      throw error;
    }
  }

  /** Waits `ms` before the next step of an import, unless something else is asked or comes meanwhile: that is first. */
  async #isImportsTurn(ms: number): Promise<boolean> {
    if (ms === 0) return true;
    if (this.#queue.some(({ call }) => call.call !== 'importEvents')) return false;
    this.#importPause = new AbortController();
    const { signal } = this.#importPause;
    await systemClock.sleep(ms, signal);
    return !signal.aborted;
  }

  /** Tries again while another process holds the lock, until the caller's patience ends, or that of the end. */
  async #patiently<T>(work: () => T): Promise<T> {
    const start = performance.now();
    for (let wait = FIRST_PAUSE_MS; ; wait = Math.min(2 * wait, LONGEST_PAUSE_MS)) {
      // Not even one try more where the lock is known: each takes SQLite's busy timeout, and many calls can wait.
      if (this.#locked && performance.now() >= this.#deadline) throw new AppError('database_locked');
      try {
        const value = work();
        this.#report(false);
        return value;
      } catch (error) {
        if (!isBusy(error)) throw error;
        this.#report(true);
        const left = Math.min(start + this.#patienceMs, this.#deadline) - performance.now();
        if (left <= 0) throw error;
        await this.#pause(Math.min(wait, left));
      }
    }
  }

  /** A request to close ends it early, if it comes in between. */
  async #pause(ms: number): Promise<void> {
    const { signal } = this.#closing;
    await systemClock.sleep(ms, signal.aborted ? undefined : signal);
  }

  #report(locked: boolean): void {
    if (locked === this.#locked) return;
    this.#locked = locked;
    send({ kind: 'state', state: { state: locked ? 'locked' : 'ok', since: Date.now() } });
  }

  #do(call: Exclude<WriterCall, { call: 'close' | 'importEvents' }>): WriterReply {
    if (call.call === 'commit') return this.#core.commit(unpackRecords(call.records), call.position);
    if (call.call === 'gateway') return this.#core.gateway(call.baseUrl);
    if (call.call === 'openGap') return this.#core.openGap(call.gap);
    if (call.call === 'changePrices') return this.#prices.change(call.change);
    if (call.call === 'listPrices') return { prices: this.#prices.list() };
    if (call.call === 'fillPrices') return this.#filler.step(call.after);
    if (call.call === 'forgetRecalcs') return forgetRecalcs(this.#db, Date.now());
    if (call.call === 'changeAliases') return changeAliases(this.#db, call.change, Date.now());
    if (call.call === 'closeGap') this.#core.closeGap(call.id, call.toMs, call.estimate);
    else if (call.call === 'saveContact') this.#core.saveContact(call.contact);
    else if (call.call === 'saveSettings') this.#core.saveSettings(call.rows);
    else if (call.call === 'saveSession') this.#core.saveSession(call.session);
    else if (call.call === 'touchSession')
      this.#core.touchSession(call.tokenHash, call.lastUsedMs, call.expiresAtMs);
    else if (call.call === 'endSession') this.#core.endSession(call.tokenHash);
    else this.#core.pruneSessions(call.credential, call.nowMs);
    return null;
  }

  #close(): null {
    this.#checkpoints.stop();
    // Closing the last connection brings the log into the file and removes it.
    this.#db.close();
    return null;
  }
}

try {
  const data: WriterWorkerData = workerData;
  const worker = new WriterWorker(openDatabase(data.dbPath, { mode: 'write' }), data);
  port.on('message', (request: WriterRequest) => worker.take(request));
  send({ kind: 'ready' });
} catch (error) {
  send({ kind: 'failed', error: packError(toStoreError(error)) });
  port.close();
}
