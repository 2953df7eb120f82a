/** Where a page of events begins: behind the event with this time and id. */
export interface EventCursor {
  readonly timestampMs: number;
  readonly id: number;
}

const CURSOR = /^(\d{1,16})\.(\d{1,16})$/;

/** `<timestamp_ms>.<id>`; null for what is no cursor of ours. */
export function parseCursor(text: string): EventCursor | null {
  const [, time, id] = CURSOR.exec(text) ?? [];
  const cursor = { timestampMs: Number(time), id: Number(id) };
  return Number.isSafeInteger(cursor.timestampMs) && Number.isSafeInteger(cursor.id) ? cursor : null;
}

export function cursorText({ timestampMs, id }: EventCursor): string {
  return `${timestampMs}.${id}`;
}
