import type { EventDetail } from '../../contract/api/events.ts';
import type { PriceVersion } from '../../contract/pricing.ts';
import { AppError } from '../../errors.ts';
import { eventDetail, type StoredPrice } from '../event-detail.ts';
import type { Db } from '../sqlite.ts';
import { STORED_EVENT_SELECT, storedEvent, type StoredEventRow } from '../stored-event.ts';
import type { Steps } from './index.ts';

export interface EventQuestion {
  readonly id: number;
}

/** One event with all that is known of it; throws `not_found`. */
export function* answerEvent(db: Db, { id }: EventQuestion): Steps<EventDetail> {
  yield;
  const row = db.prepare<[number], StoredEventRow>(`${STORED_EVENT_SELECT} WHERE e.id = ?`).get(id);
  if (row === undefined) throw new AppError('not_found', { detail: `no event has the id ${id}` });
  const gateway = db
    .prepare<[number], string>('SELECT base_url FROM gateway WHERE id = ?')
    .pluck()
    .get(row.gateway_id);
  return eventDetail(storedEvent(row), gateway ?? '', priceOf(db, row.price_id));
}

function priceOf(db: Db, id: number | null): StoredPrice | null {
  if (id === null) return null;
  const json = db.prepare<[number], string>('SELECT json FROM price_version WHERE id = ?').pluck().get(id);
  if (json === undefined) return null;
  const version: PriceVersion = JSON.parse(json);
  return { id, version };
}
