import type { Health } from '../health.ts';
import type { EventRow } from './events.ts';

/** What of the database a `changed` message can be about. */
export type FeedTopic =
  | 'events'
  | 'prices'
  | 'settings'
  | 'gaps'
  | 'dead_letters'
  | 'aliases'
  /** `takeover` of the status: another state, another percent, or the report. */
  | 'takeover';

/**
 * Messages of `GET /v0/management/events/stream` (server-sent events; the name is the SSE event name).
 * `id:` of an `events` message is its `last_id`; the browser sends it back as Last-Event-ID.
 */
export interface FeedMessages {
  /** New events. The first message of a fresh stream has a count of 0 and says where the stream begins. */
  readonly events: {
    readonly last_id: number;
    /** Events since the message before; may exceed the rows. */
    readonly count: number;
    /** The newest, newest first; at most 50, after a resume at most 500. */
    readonly rows: readonly EventRow[];
  };
  /** Something changed otherwise than by live events: read again what you show of it. */
  readonly changed: {
    readonly topics: readonly FeedTopic[];
  };
  /** Sent at the beginning and on each change of health. */
  readonly status: Health;
  /** The events since Last-Event-ID are too many or unknown: read the list anew. */
  readonly reset: { readonly last_id: number };
}
