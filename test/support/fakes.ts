import type { Frame, Inbox, Position, SpoolStatus } from '../../src/lib/contract/inbox.ts';
import type { RawRecord } from '../../src/lib/contract/record.ts';
import type {
  Sink,
  SinkAnswer,
  Transport,
  TransportEnd,
  TransportEvents,
} from '../../src/lib/contract/transport.ts';
import type {
  CommitResult,
  ContactState,
  GapOpen,
  StoredSession,
  Writer,
} from '../../src/lib/contract/writer.ts';

/** A transport that a test drives by hand. */
export class FakeTransport implements Transport {
  readonly name;
  runs = 0;
  sink: Sink | null = null;
  events: TransportEvents | null = null;
  signal: AbortSignal | null = null;
  #end: ((end: TransportEnd) => void) | null = null;

  constructor(name: Transport['name'] = 'subscribe') {
    this.name = name;
  }

  run(sink: Sink, events: TransportEvents, signal: AbortSignal): Promise<TransportEnd> {
    this.runs += 1;
    this.sink = sink;
    this.events = events;
    this.signal = signal;
    return new Promise((resolve) => {
      this.#end = resolve;
      signal.addEventListener('abort', () => resolve({ kind: 'stopped' }), { once: true });
    });
  }

  end(end: TransportEnd): void {
    this.#end?.(end);
  }
}

/** An inbox in memory: durable as long as the test lives. One frame an append. */
export class MemoryInbox implements Inbox {
  readonly frames: Frame[] = [];
  readonly released: Position[] = [];
  answer: SinkAnswer = 'more';
  #wake: Array<() => void> = [];

  append(records: readonly RawRecord[]): Promise<SinkAnswer> {
    const position = { segment: '00000000000000000000000000', seq: this.frames.length };
    this.frames.push({ position, records });
    for (const wake of this.#wake.splice(0)) wake();
    return Promise.resolve(this.answer);
  }

  async *read(position: Position | null, signal: AbortSignal): AsyncIterable<Frame> {
    let next = position === null ? 0 : position.seq + 1;
    while (!signal.aborted) {
      const frame = this.frames[next];
      if (frame) {
        next += 1;
        yield frame;
        continue;
      }
      await new Promise<void>((resolve) => {
        this.#wake.push(resolve);
        signal.addEventListener('abort', () => resolve(), { once: true });
      });
    }
  }

  release(position: Position): Promise<void> {
    this.released.push(position);
    return Promise.resolve();
  }

  status(): SpoolStatus {
    return {
      bytes: 0,
      limitBytes: 1,
      segments: 1,
      records: this.frames.length,
      state: 'ok',
      since: null,
      error: null,
    };
  }

  onStateChange(): () => void {
    return () => {};
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

/** A writer that remembers what it was told. `fail` makes commits and writes of sessions reject. */
export class FakeWriter implements Writer {
  readonly commits: Array<{ records: readonly RawRecord[]; position: Position | null }> = [];
  readonly gaps: Array<GapOpen & { id: number }> = [];
  readonly settings = new Map<string, string>();
  /** By the hex of their hashes. */
  readonly sessions = new Map<string, StoredSession>();
  contact: ContactState | null = null;
  fail: Error | null = null;

  commit(records: readonly RawRecord[], position: Position | null): Promise<CommitResult> {
    if (this.fail) return Promise.reject(this.fail);
    this.commits.push({ records, position });
    return Promise.resolve({
      inserted: records.length,
      duplicates: 0,
      deadLetters: 0,
      controls: 0,
      refresh: false,
      lastId: this.commits.reduce((sum, commit) => sum + commit.records.length, 0),
      firstId: 1,
      eventsRevision: this.commits.length,
    });
  }

  gateway(): Promise<number> {
    return Promise.resolve(1);
  }

  openGap(gap: GapOpen): Promise<number> {
    const id = this.gaps.length + 1;
    this.gaps.push({ ...gap, id });
    return Promise.resolve(id);
  }

  closeGap(id: number, toMs: number, estimate: number | null): Promise<void> {
    const at = this.gaps.findIndex((gap) => gap.id === id);
    const gap = this.gaps[at];
    if (gap) this.gaps[at] = { ...gap, toMs, estimate };
    return Promise.resolve();
  }

  saveContact(state: ContactState): Promise<void> {
    this.contact = state;
    return Promise.resolve();
  }

  saveSettings(rows: ReadonlyMap<string, string | null>): Promise<void> {
    for (const [key, value] of rows) {
      if (value === null) this.settings.delete(key);
      else this.settings.set(key, value);
    }
    return Promise.resolve();
  }

  saveSession(session: StoredSession): Promise<void> {
    if (this.fail) return Promise.reject(this.fail);
    this.sessions.set(hex(session.tokenHash), session);
    return Promise.resolve();
  }

  touchSession(tokenHash: Uint8Array, lastUsedMs: number, expiresAtMs: number): Promise<void> {
    if (this.fail) return Promise.reject(this.fail);
    const session = this.sessions.get(hex(tokenHash));
    if (session) this.sessions.set(hex(tokenHash), { ...session, lastUsedMs, expiresAtMs });
    return Promise.resolve();
  }

  endSession(tokenHash: Uint8Array): Promise<void> {
    if (this.fail) return Promise.reject(this.fail);
    this.sessions.delete(hex(tokenHash));
    return Promise.resolve();
  }

  pruneSessions(credential: string, nowMs: number): Promise<void> {
    if (this.fail) return Promise.reject(this.fail);
    for (const [key, session] of this.sessions) {
      if (session.expiresAtMs <= nowMs || session.credential !== credential) this.sessions.delete(key);
    }
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
