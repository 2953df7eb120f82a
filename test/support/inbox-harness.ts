import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { nodeFiles } from '../../src/daemon/collector/inbox/files.ts';
import type { SpoolFile, SpoolFiles } from '../../src/daemon/collector/inbox/files.ts';
import { openInbox } from '../../src/daemon/collector/inbox/inbox.ts';
import type { SpoolInbox } from '../../src/daemon/collector/inbox/inbox.ts';
import type { InboxOptions, SpoolDamage } from '../../src/daemon/collector/inbox/options.ts';
import { systemClock } from '../../src/lib/clock.ts';
import type { Frame, Inbox, Position } from '../../src/lib/contract/inbox.ts';
import type { RawRecord } from '../../src/lib/contract/record.ts';
import { createSecretBox } from '../../src/lib/secrets/secret-box.ts';
import { FakeClock } from './fake-clock.ts';

export const box = createSecretBox(Buffer.alloc(32, 7));
export const otherBox = createSecretBox(Buffer.alloc(32, 8));

/** Stands for a client key in the payload of every record that `record` makes. */
export const SECRET = 'sk-made-up-client-key-0123456789';

export function record(n: number, payloadBytes = 200): RawRecord {
  const payload = Buffer.alloc(payloadBytes, '.');
  payload.write(`${n} ${SECRET}`);
  return { payload, receivedAtMs: 1_790_000_000_000 + n, transport: 'http', gatewayId: 1 };
}

export function records(from: number, count: number, payloadBytes = 200): RawRecord[] {
  return Array.from({ length: count }, (_, n) => record(from + n, payloadBytes));
}

/** The number that `record` was called with. */
export function numberOf(raw: RawRecord): number {
  return Number(Buffer.from(raw.payload).toString('latin1').split(' ')[0]);
}

export async function tempDir(t: TestContext): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'cpamp-inbox-'));
  t.after(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

/** In tests, how long a group commit may take: no other pause is so long. */
export const SLOW_MS = 4_321;

/** Tells the pauses that were asked for, without the watch that is kept while something is written. */
export class SpoolClock extends FakeClock {
  readonly sleeps: number[] = [];
  /** Who sleeps now. */
  asleep = 0;
  #noticed: Array<() => void> = [];

  override async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    const over = super.sleep(ms, signal);
    if (ms === SLOW_MS) return over;
    this.sleeps.push(ms);
    this.asleep += 1;
    for (const notice of this.#noticed.splice(0)) notice();
    await over;
    this.asleep -= 1;
  }

  override async someoneSleeps(): Promise<void> {
    while (this.asleep === 0) await new Promise<void>((resolve) => this.#noticed.push(resolve));
  }
}

export interface Opened {
  readonly inbox: SpoolInbox;
  readonly dir: string;
  readonly damage: SpoolDamage[];
}

/** An inbox in a directory of its own (or in `dir`) that is closed after the test. */
export async function openTest(t: TestContext, options: Partial<InboxOptions> = {}): Promise<Opened> {
  const dir = options.dir ?? join(await tempDir(t), 'spool');
  const damage: SpoolDamage[] = [];
  const inbox = await openInbox({
    box,
    clock: systemClock,
    after: null,
    onDamage: (loss) => void damage.push(loss),
    ...options,
    dir,
    limits: { lingerMs: 0, slowMs: SLOW_MS, ...options.limits },
  });
  t.after(() => inbox.close().catch(() => {}));
  return { inbox, dir, damage };
}

/** Reads until so many records came. */
export async function readRecords(
  inbox: Inbox,
  count: number,
  after: Position | null = null,
): Promise<Frame[]> {
  const frames: Frame[] = [];
  const stop = new AbortController();
  let seen = 0;
  if (count === 0) return frames;
  for await (const frame of inbox.read(after, stop.signal)) {
    frames.push(frame);
    seen += frame.records.length;
    if (seen >= count) break;
  }
  return frames;
}

/** Reads what is there: as many records as the status counts. */
export function readAll(inbox: Inbox, after: Position | null = null): Promise<Frame[]> {
  return readRecords(inbox, inbox.status().records, after);
}

export function numbers(frames: readonly Frame[]): number[] {
  return frames.flatMap((frame) => frame.records.map(numberOf));
}

export function range(from: number, count: number): number[] {
  return Array.from({ length: count }, (_, n) => from + n);
}

export async function names(dir: string, ending: string): Promise<string[]> {
  const all = await readdir(dir);
  return all.filter((name) => name.endsWith(ending)).sort();
}

type FileOperation = 'write' | 'read' | 'sync' | 'truncate';
type Operation = FileOperation | 'create' | 'open' | 'rename' | 'remove' | 'syncDir' | 'list';

export function systemError(code: string): Error {
  return Object.assign(new Error(`${code}: made up`), { code });
}

/** An operation that does not come back until it is let go. */
export interface Hang {
  /** Resolves when somebody met it. */
  readonly met: Promise<void>;
  readonly release: () => void;
}

/** The real files, until `fail` names a code for an operation, or `hang` stops it. A failing write leaves half of its bytes behind. */
export class FaultyFiles implements SpoolFiles {
  readonly failing = new Map<Operation, string>();
  readonly calls = new Map<Operation, number>();
  readonly #onClose: Array<() => void> = [];
  readonly #hanging = new Map<Operation, () => Promise<void>>();
  free = Number.MAX_SAFE_INTEGER;
  /** A longer write fails with ENOSPC. */
  longestWrite = Number.MAX_SAFE_INTEGER;
  /** Files that are open and were not made by us: those of readers. */
  reading = 0;

  fail(operation: Operation, code: string | null): void {
    if (code === null) this.failing.delete(operation);
    else this.failing.set(operation, code);
  }

  hang(operation: 'write' | 'sync'): Hang {
    const met = Promise.withResolvers<void>();
    const over = Promise.withResolvers<void>();
    this.#hanging.set(operation, () => {
      met.resolve();
      return over.promise;
    });
    const release = (): void => {
      this.#hanging.delete(operation);
      over.resolve();
    };
    return { met: met.promise, release };
  }

  count(operation: Operation): number {
    return this.calls.get(operation) ?? 0;
  }

  /** Resolves when the next file was closed. */
  nextClose(): Promise<void> {
    return new Promise((resolve) => this.#onClose.push(resolve));
  }

  #pass(operation: Operation): void {
    this.calls.set(operation, this.count(operation) + 1);
    const code = this.failing.get(operation);
    if (code) throw systemError(code);
  }

  #wrap(file: SpoolFile): SpoolFile {
    return {
      write: async (bytes, offset) => {
        await this.#hanging.get('write')?.();
        if (this.failing.has('write')) await file.write(bytes.subarray(0, bytes.length / 2), offset);
        this.#pass('write');
        if (bytes.length > this.longestWrite) throw systemError('ENOSPC');
        await file.write(bytes, offset);
      },
      read: async (into, offset) => {
        this.#pass('read');
        return file.read(into, offset);
      },
      sync: async () => {
        await this.#hanging.get('sync')?.();
        this.#pass('sync');
        await file.sync();
      },
      truncate: async (length) => {
        this.#pass('truncate');
        await file.truncate(length);
      },
      stat: () => file.stat(),
      close: async () => {
        await file.close();
        for (const tell of this.#onClose.splice(0)) tell();
      },
    };
  }

  prepare(dir: string): Promise<void> {
    return nodeFiles.prepare(dir);
  }

  async list(dir: string): Promise<string[]> {
    this.#pass('list');
    return nodeFiles.list(dir);
  }

  async create(path: string): Promise<SpoolFile> {
    this.#pass('create');
    return this.#wrap(await nodeFiles.create(path));
  }

  async open(path: string, write?: boolean): Promise<SpoolFile> {
    this.#pass('open');
    const file = this.#wrap(await nodeFiles.open(path, write));
    this.reading += 1;
    const close = async (): Promise<void> => {
      this.reading -= 1;
      await file.close();
    };
    return { ...file, close };
  }

  async rename(from: string, to: string): Promise<void> {
    this.#pass('rename');
    await nodeFiles.rename(from, to);
  }

  async remove(path: string): Promise<void> {
    this.#pass('remove');
    await nodeFiles.remove(path);
  }

  async syncDir(dir: string): Promise<void> {
    this.#pass('syncDir');
    await nodeFiles.syncDir(dir);
  }

  freeBytes(): Promise<number> {
    return Promise.resolve(this.free);
  }
}
