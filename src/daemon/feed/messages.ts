import type { FeedMessages } from '../../lib/contract/api/feed.ts';

/** How long a browser waits before it connects again, in ms. Sent once at the beginning of a stream. */
const RETRY_MS = 2_000;

export const RETRY = Buffer.from(`retry: ${RETRY_MS}\n\n`);

/** Keeps proxies from ending a silent stream, and finds out about clients that are gone. */
export const KEEP_ALIVE = Buffer.from(': keep-alive\n\n');

/** One message as it goes over the wire; `id` is what a client that comes back sends as Last-Event-ID. */
export function message<Name extends keyof FeedMessages>(
  name: Name,
  data: FeedMessages[Name],
  id?: number,
): Buffer {
  // JSON has no line ends of its own, which would begin another field.
  return Buffer.from(
    `${id === undefined ? '' : `id: ${id}\n`}event: ${name}\ndata: ${JSON.stringify(data)}\n\n`,
  );
}
