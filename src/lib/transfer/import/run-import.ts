import type { ImportOutcome } from '../../contract/writer.ts';
import { AppError } from '../../errors.ts';
import { EventBatcher, type EventBatch } from '../../store/event-batch.ts';
import { addOutcomes, NOTHING_IMPORTED } from '../../store/import-outcome.ts';
import type { Block } from './block-cutter.ts';
import type { Imported, ImportContext } from './context.ts';
import type { ImportFormat } from './format.ts';
import { addTo, TOO_LONG, type ParsedBlock } from './parse-block.ts';
import { ParsePool } from './parse-pool.ts';
import { readSource, type ItemSink } from './read-source.ts';
import type { ImportSource } from './source.ts';

/** What cannot be imported of a source. */
export interface Reject {
  /** `file:line`, or where in a list or snapshot. */
  readonly where: string;
  readonly reason: string;
  /** As it was written; null where that was not kept. It may hold keys in clear. */
  readonly text: string | null;
}

export interface ImportProgress {
  /** Bytes read so far, as they lie there, of all sources. */
  readonly bytes: number;
  /** Of how many; null when nobody knows. */
  readonly totalBytes: number | null;
  /** Events read so far. */
  readonly events: number;
  readonly outcome: ImportOutcome;
}

export interface ImportOptions {
  readonly sources: readonly ImportSource[];
  readonly context: ImportContext;
  /** Base URL of the gateway of events whose file does not tell; `''`: unknown. */
  readonly gateway: string;
  /** Stores a batch. */
  readonly store: (batch: EventBatch) => Promise<ImportOutcome>;
  /** Threads that read lines; 0: this one does. */
  readonly threads?: number;
  /** Rows of a batch, where this thread reads. 1,000. */
  readonly batchRows?: number;
  readonly onReject?: (reject: Reject) => void;
  /** Waited for between chunks, so that what is written elsewhere does not pile up. */
  readonly settle?: () => Promise<void>;
  readonly onProgress?: (progress: ImportProgress) => void;
  /** Ends the import early: what was read until then is stored. */
  readonly signal?: AbortSignal;
}

/** What one source held. */
export interface SourceReport {
  readonly name: string;
  readonly format: ImportFormat;
  /** Events. */
  readonly events: number;
  /** Items that could not be read. */
  readonly failed: number;
  /** Models of a snapshot of which it holds only sums. */
  readonly unsupported: number;
  /** The end of a list that breaks off; null without. */
  readonly damage: string | null;
  /** Why the rest of it was not read; null when it was. */
  readonly error: AppError | null;
}

export interface ImportReport {
  readonly sources: readonly SourceReport[];
  readonly outcome: ImportOutcome;
  /** Ended by the signal. */
  readonly aborted: boolean;
}

const BATCH_ROWS = 1000;
/** Batches that are under way at once: one is being stored while the next is made. */
const AHEAD = 2;

/**
 * Imports sources one after the other. Reading goes on while batches are stored, in constant memory. A source that cannot
 * be read does not keep the others from being imported; its error is in the report. Rejects with what `store` rejects
 * with; what was stored until then stays, and the same import again adds the rest.
 */
export async function runImport(options: ImportOptions): Promise<ImportReport> {
  const run = new ImportRun(options);
  const reports: SourceReport[] = [];
  try {
    for (const source of options.sources) {
      if (options.signal?.aborted) break;
      reports.push(await run.read(source));
    }
    await run.finish();
  } finally {
    await run.close();
  }
  return { sources: reports, outcome: run.outcome, aborted: options.signal?.aborted ?? false };
}

/** Blocks for each thread: one is being read while the next waits. */
const BLOCKS_AHEAD = 2;

/** What was read of one source so far. */
interface Counts {
  events: number;
  failed: number;
  lines: number;
}

class Aborted extends Error {}

class ImportRun {
  outcome: ImportOutcome = NOTHING_IMPORTED;
  readonly #options: ImportOptions;
  readonly #batcher = new EventBatcher();
  readonly #batchRows: number;
  readonly #totalBytes: number | null;
  #underWay: Array<Promise<void>> = [];
  readonly #threads: number;
  #pool: ParsePool | null = null;
  /** Blocks of the source that is read, in the order of their lines. */
  #blocks: Array<Promise<ParsedBlock> | 'too long'> = [];
  /** What the first batch failed with; the others are not waited for then. */
  #failure: { readonly error: unknown } | null = null;
  #bytes = 0;
  #events = 0;

  constructor(options: ImportOptions) {
    this.#options = options;
    this.#batchRows = options.batchRows ?? BATCH_ROWS;
    this.#threads = options.threads ?? 0;
    const sizes = options.sources.map(({ size }) => size);
    this.#totalBytes = sizes.every((size) => size !== null)
      ? sizes.reduce((sum: number, size) => sum + (size ?? 0), 0)
      : null;
  }

  async read(source: ImportSource): Promise<SourceReport> {
    const { context, settle, signal } = this.#options;
    const counts = { events: 0, failed: 0, lines: 0 };
    const sink: ItemSink = {
      item: (imported, text, where) => {
        if (this.#take(imported, text, `${source.name}:${where}`)) counts.events += 1;
        else counts.failed += 1;
      },
      ...(this.#threads === 0 ? {} : { block: (block: Block) => this.#parse(block) }),
      breathe: async () => {
        while (this.#blocks.length > BLOCKS_AHEAD * this.#threads) await this.#consume(source.name, counts);
        if (this.#batcher.rows >= this.#batchRows) await this.#send();
        await settle?.();
        this.#report();
        if (signal?.aborted) throw new Aborted();
      },
      bytes: (count) => {
        this.#bytes += count;
      },
    };
    const nothing = {
      name: source.name,
      format: 'empty',
      unsupported: 0,
      damage: null,
      error: null,
    } as const;
    let found: Partial<SourceReport> = {};
    try {
      found = await readSource(source, context, sink);
    } catch (error) {
      // A source may break when it is let go of.
      if (!(error instanceof Aborted) && !signal?.aborted) {
        if (this.#failure !== null || !(error instanceof AppError)) throw error;
        found = { error };
      }
    }
    // What was read before it broke off counts.
    while (this.#blocks.length > 0) await this.#consume(source.name, counts);
    return { ...nothing, ...found, events: counts.events, failed: counts.failed };
  }

  async close(): Promise<void> {
    await this.#pool?.close();
  }

  #parse(block: Block): void {
    if (block.kind === 'too long') {
      this.#blocks.push('too long');
      return;
    }
    const { context, gateway } = this.#options;
    this.#pool ??= new ParsePool(this.#threads, { context, gateway });
    const parsed = this.#pool.parse(block.bytes);
    // It is waited for later, in its turn.
    parsed.catch(() => {});
    this.#blocks.push(parsed);
  }

  /** Stores the next block. */
  async #consume(name: string, counts: Counts): Promise<void> {
    const { onReject } = this.#options;
    const next = this.#blocks.shift();
    if (next === undefined) return;
    if (next === 'too long') {
      counts.lines += 1;
      counts.failed += 1;
      onReject?.({ where: `${name}:${counts.lines}`, reason: TOO_LONG, text: null });
      return;
    }
    const { batch, lines, rejects } = await next;
    for (const { line, reason, text } of rejects) {
      onReject?.({ where: `${name}:${counts.lines + line}`, reason, text });
    }
    counts.lines += lines;
    counts.failed += rejects.length;
    counts.events += batch.rows;
    this.#events += batch.rows;
    if (batch.rows > 0) await this.#sendBatch(batch);
  }

  async finish(): Promise<void> {
    if (this.#batcher.rows > 0) await this.#send();
    await Promise.all(this.#underWay);
    this.#throwFailure();
    this.#report();
  }

  #take(imported: Imported, text: string | null, where: string): boolean {
    const { gateway, onReject } = this.#options;
    if (imported.kind === 'rejected') {
      onReject?.({ where, reason: imported.reason, text });
      return false;
    }
    const reason = addTo(this.#batcher, imported.imported, gateway);
    if (reason !== null) {
      onReject?.({ where, reason, text });
      return false;
    }
    this.#events += 1;
    return true;
  }

  #send(): Promise<void> {
    return this.#sendBatch(this.#batcher.take());
  }

  async #sendBatch(batch: EventBatch): Promise<void> {
    this.#underWay.push(this.#store(batch));
    if (this.#underWay.length >= AHEAD) await this.#underWay.shift();
    this.#throwFailure();
  }

  /** Never rejects: nobody waits for it yet. */
  async #store(batch: EventBatch): Promise<void> {
    try {
      const stored = await this.#options.store(batch);
      this.outcome = addOutcomes(this.outcome, stored);
    } catch (error) {
      this.#failure ??= { error };
    }
  }

  #throwFailure(): void {
    if (this.#failure !== null) throw this.#failure.error;
  }

  #report(): void {
    this.#options.onProgress?.({
      bytes: this.#bytes,
      totalBytes: this.#totalBytes,
      events: this.#events,
      outcome: this.outcome,
    });
  }
}
