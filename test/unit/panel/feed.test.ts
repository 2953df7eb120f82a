import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FeedMessages } from '../../../src/lib/contract/api.ts';
import { Feed, type FeedState, type Source } from '../../../panel/src/lib/feed.ts';

class Stream extends EventTarget implements Source {
  readyState = 0;
  closed = false;

  close(): void {
    this.closed = true;
  }
  accept(): void {
    this.readyState = 1;
    this.dispatchEvent(new Event('open'));
  }
  /** `for good` as after an answer that is no stream; else the browser tries again by itself. */
  fail(forGood: boolean): void {
    this.readyState = forGood ? 2 : 0;
    this.dispatchEvent(new Event('error'));
  }
  send<K extends keyof FeedMessages>(name: K, message: FeedMessages[K]): void {
    this.dispatchEvent(new MessageEvent(name, { data: JSON.stringify(message) }));
  }
}

interface World {
  readonly feed: Feed;
  readonly streams: Stream[];
  readonly pauses: number[];
  readonly states: FeedState[];
  readonly heard: unknown[];
  /** The pause is over. */
  readonly wake: () => void;
  loggedIn: boolean;
}

function world(): World {
  const streams: Stream[] = [];
  const pauses: number[] = [];
  let then: (() => void) | null = null;
  const made: World = {
    streams,
    pauses,
    states: [],
    heard: [],
    loggedIn: true,
    wake: () => then?.(),
    feed: new Feed({
      open: () => {
        const stream = new Stream();
        streams.push(stream);
        return stream;
      },
      after: (ms, next) => {
        pauses.push(ms);
        then = next;
        return () => (then = null);
      },
      random: () => 1,
      stillLoggedIn: async () => made.loggedIn,
    }),
  };
  made.feed.state.subscribe((state) => made.states.push(state));
  made.feed.on('reset', (message) => made.heard.push(['reset', message.last_id]));
  made.feed.on('events', (message) => made.heard.push(['events', message.last_id]));
  return made;
}

const events = (last_id: number, count: number): FeedMessages['events'] => ({ last_id, count, rows: [] });
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('messages go to those who listen, as long as they do', () => {
  const { feed, streams } = world();
  const healths: string[] = [];
  const end = feed.on('status', ({ state }) => healths.push(state));
  feed.start();
  feed.start();
  assert.equal(streams.length, 1);
  streams[0]?.accept();
  streams[0]?.send('status', { state: 'ok', reasons: [] });
  end();
  streams[0]?.send('status', { state: 'down', reasons: [] });
  assert.deepEqual(healths, ['ok']);
});

test('a break that the browser mends needs nothing of us', () => {
  const { feed, streams, states, heard } = world();
  feed.start();
  streams[0]?.accept();
  streams[0]?.send('events', events(5, 0));
  streams[0]?.fail(false);
  streams[0]?.accept();
  streams[0]?.send('events', events(9, 4));
  assert.deepEqual(states, ['connecting', 'live', 'lost', 'live']);
  assert.equal(streams.length, 1);
  assert.deepEqual(heard, [
    ['events', 5],
    ['events', 9],
  ]);
});

test('a refused stream is opened anew with growing pauses, and missed events are told as a reset', async () => {
  const { feed, streams, pauses, heard, wake, states } = world();
  feed.start();
  streams[0]?.accept();
  streams[0]?.send('events', events(5, 0));
  for (const stream of [0, 1, 2]) {
    streams[stream]?.fail(true);
    await settle();
    wake();
  }
  assert.deepEqual(pauses, [1000, 2000, 4000]);
  streams[3]?.accept();
  streams[3]?.send('events', events(7, 0));
  streams[3]?.send('events', events(8, 1));
  assert.deepEqual(heard, [
    ['events', 5],
    ['reset', 7],
    ['events', 7],
    ['events', 8],
  ]);
  assert.equal(states.at(-1), 'live');
  // It was well again: the pauses begin anew.
  streams[3]?.fail(true);
  await settle();
  assert.equal(pauses.at(-1), 1000);
  // Nothing came meanwhile: nothing was missed.
  wake();
  streams[4]?.accept();
  streams[4]?.send('events', events(8, 0));
  assert.deepEqual(heard.at(-1), ['events', 8]);
  assert.equal(heard.length, 5);
});

test('it ends with the login, and a stream that was given up is not heard any more', async () => {
  const made = world();
  made.feed.start();
  made.streams[0]?.accept();
  made.loggedIn = false;
  made.streams[0]?.fail(true);
  await settle();
  assert.equal(made.feed.state.value, 'off');
  assert.equal(made.streams[0]?.closed, true);
  made.feed.start();
  made.streams[0]?.send('events', events(1, 1));
  assert.deepEqual(made.heard, []);
  made.feed.stop();
  assert.equal(made.streams[1]?.closed, true);
});
