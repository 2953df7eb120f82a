import { request, type ClientRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import { once } from 'node:events';
import type { TestContext } from 'node:test';
import type { FeedMessages } from '../../src/lib/contract/api/feed.ts';
import { ADMIN_KEY, type DaemonProcess } from './daemon.ts';

/** A message of the live stream; `id` as it came, null without one. */
export interface FeedMessage {
  readonly event: string;
  readonly id: string | null;
  readonly data: unknown;
}

/** What of a stream is there: whole messages, comments, and the beginning of what is still on its way. */
export function parseFeed(text: string): {
  readonly messages: FeedMessage[];
  readonly comments: string[];
  readonly rest: string;
} {
  const blocks = text.split('\n\n');
  const rest = blocks.pop() ?? '';
  const messages: FeedMessage[] = [];
  const comments: string[] = [];
  for (const block of blocks) {
    const fields = new Map<string, string>();
    for (const line of block.split('\n')) {
      const [, name = '', value = ''] = /^([^:]*)(?:: ?)?(.*)$/s.exec(line) ?? [];
      if (name === '') comments.push(value);
      else fields.set(name, value);
    }
    const data = fields.get('data');
    if (data === undefined) continue;
    messages.push({
      event: fields.get('event') ?? 'message',
      id: fields.get('id') ?? null,
      data: JSON.parse(data),
    });
  }
  return { messages, comments, rest };
}

/** A listener of a daemon's live stream, closed after the test. */
export class FeedReader {
  readonly messages: FeedMessage[] = [];
  readonly #request: ClientRequest;
  readonly #answer: IncomingMessage;
  #rest = '';
  #listeners: Array<() => void> = [];

  private constructor(sent: ClientRequest, answer: IncomingMessage) {
    this.#request = sent;
    this.#answer = answer;
    answer.setEncoding('utf8');
    answer.on('data', (text: string) => {
      const { messages, rest } = parseFeed(this.#rest + text);
      this.#rest = rest;
      this.messages.push(...messages);
      this.#wake();
    });
    // A cut connection is what many tests are about.
    answer.on('error', () => {});
    answer.on('close', () => this.#wake());
  }

  /** Resolves with the headers; `since` is sent as Last-Event-ID, and the admin key where there is no cookie. */
  static async open(
    t: TestContext,
    daemon: DaemonProcess,
    options: { readonly since?: string; readonly cookie?: string; readonly query?: string } = {},
  ): Promise<FeedReader> {
    const { since, cookie, query = '' } = options;
    const sent = request(`${daemon.url}/v0/management/events/stream${query}`, {
      headers: {
        ...(cookie === undefined
          ? { authorization: `Bearer ${ADMIN_KEY}` }
          : { cookie, 'sec-fetch-site': 'same-origin' }),
        ...(since === undefined ? {} : { 'last-event-id': since }),
      },
    });
    t.after(() => sent.destroy());
    const answered = once(sent, 'response');
    sent.end();
    const [answer]: IncomingMessage[] = await answered;
    if (answer === undefined) throw new Error('no answer');
    sent.on('error', () => {});
    return new FeedReader(sent, answer);
  }

  get status(): number {
    return this.#answer.statusCode ?? 0;
  }

  get headers(): IncomingHttpHeaders {
    return this.#answer.headers;
  }

  get closed(): boolean {
    return this.#answer.destroyed;
  }

  /** The id of the last message that had one. */
  get lastId(): string {
    return this.messages.findLast(({ id }) => id !== null)?.id ?? '';
  }

  events(): FeedMessages['events'][] {
    return this.messages
      .filter(({ event }) => event === 'events')
      .map(({ data }) => data as FeedMessages['events']);
  }

  /** Live events so far. */
  count(): number {
    return this.events().reduce((sum, { count }) => sum + count, 0);
  }

  topics(): string[] {
    return this.messages
      .filter(({ event }) => event === 'changed')
      .flatMap(({ data }) => [...(data as FeedMessages['changed']).topics]);
  }

  /** Resolves when it holds; it is looked at after everything that comes, and at the end. Rejects when it ended before. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      if (this.closed) throw new Error(`the stream ended after ${JSON.stringify(this.messages).slice(-500)}`);
      await new Promise<void>((resolve) => this.#listeners.push(resolve));
    }
  }

  /** Resolves when the stream is over. */
  async ended(): Promise<void> {
    while (!this.closed) await new Promise<void>((resolve) => this.#listeners.push(resolve));
  }

  cut(): void {
    this.#request.destroy();
  }

  #wake(): void {
    for (const listener of this.#listeners.splice(0)) listener();
  }
}
