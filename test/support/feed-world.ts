import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { FeedMessages } from '../../src/lib/contract/api/feed.ts';
import type { CommitResult } from '../../src/lib/contract/writer.ts';
import { DatabaseWatch } from '../../src/daemon/database-watch.ts';
import { Feed } from '../../src/daemon/feed/feed.ts';
import type { FeedStream } from '../../src/daemon/feed/feed-client.ts';
import { LiveCommits } from '../../src/daemon/feed/live-commits.ts';
import { HealthBoard } from '../../src/daemon/health-board.ts';
import { AppError } from '../../src/lib/errors.ts';
import { ReadStore } from '../../src/lib/store/read-store.ts';
import type { WriterCore } from '../../src/lib/store/writer-core.ts';
import { FakeClock } from './fake-clock.ts';
import { parseFeed, type FeedMessage } from './feed.ts';
import { call, record, storeCore, storeDb, storeDir } from './store-harness.ts';

/** Keeps what it is sent; `writableLength` is what a test says. */
export class FakeStream implements FeedStream {
  readonly written: Buffer[] = [];
  writableLength = 0;
  state: 'open' | 'ended' | 'destroyed' = 'open';

  write(bytes: unknown): boolean {
    assert.ok(Buffer.isBuffer(bytes));
    this.written.push(bytes);
    return true;
  }

  end = (): never => this.#become('ended');
  destroy = (): never => this.#become('destroyed');

  messages(): FeedMessage[] {
    return parseFeed(Buffer.concat(this.written).toString('utf8')).messages;
  }

  /** What came since it was last asked. */
  news(): FeedMessage[] {
    const { messages } = parseFeed(Buffer.concat(this.written.splice(0)).toString('utf8'));
    return messages;
  }

  #become(state: 'ended' | 'destroyed'): never {
    this.state = state;
    return this as never;
  }
}

export interface World {
  readonly clock: FakeClock;
  readonly feed: Feed;
  readonly board: HealthBoard;
  readonly store: ReadStore;
  readonly core: WriterCore;
  readonly errors: unknown[];
  /** Reading of the database fails while it is set. */
  trouble: AppError | null;
  reads: number;
  /** Answers of commits wait for it. */
  answer: Promise<void>;
  /** Stores this many new events as the collector does. */
  live(events: number): Promise<CommitResult>;
  /** Stores this many new events as somebody else does. */
  foreign(events: number): void;
  join(since?: string | null): FakeStream;
}

export function world(t: TestContext): World {
  const path = join(storeDir(t), 'usage.sqlite');
  const core = storeCore(storeDb(t, path));
  const store = new ReadStore(path);
  t.after(() => store.close());
  const clock = new FakeClock();
  const board = new HealthBoard(clock, () => {});
  let made = 0;
  const batch = (events: number): ReturnType<typeof record>[] =>
    Array.from({ length: events }, () => record(call({ request_id: `r${(made += 1)}` })));
  const commits = new LiveCommits({
    commit: async (records, position) => {
      const result = core.commit(records, position);
      await it.answer;
      return result;
    },
  });
  const read = <T>(work: () => T): T => {
    it.reads += 1;
    if (it.trouble) throw it.trouble;
    return work();
  };
  const errors: unknown[] = [];
  const feed = new Feed({
    clock,
    watch: new DatabaseWatch(clock),
    board,
    commits,
    store: {
      dataVersion: () => read(() => store.dataVersion()),
      revision: (topic) => read(() => store.revision(topic)),
      lastEventId: () => read(() => store.lastEventId()),
      eventsAfter: (...args) => read(() => store.eventsAfter(...args)),
    },
    onError: (error) => errors.push(error),
  });
  const it: World = {
    clock,
    feed,
    board,
    store,
    core,
    errors,
    trouble: null,
    reads: 0,
    answer: Promise.resolve(),
    live: (events) => commits.commit(batch(events), null),
    foreign: (events) => void core.commit(batch(events), null),
    join: (since = null) => {
      const stream = new FakeStream();
      feed.join(since, () => stream);
      return stream;
    },
  };
  return it;
}

/** Everything that was to happen at once has happened. */
export const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

export function eventsOf(messages: readonly FeedMessage[]): FeedMessages['events'][] {
  return messages.filter(({ event }) => event === 'events').map(({ data }) => data as FeedMessages['events']);
}

export const topicsOf = (messages: readonly FeedMessage[]): string[] =>
  messages
    .filter(({ event }) => event === 'changed')
    .flatMap(({ data }) => [...(data as FeedMessages['changed']).topics]);
