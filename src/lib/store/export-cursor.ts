/** A place in the order of the time index: behind the row with this time, hash and dup. */
export interface TimeKey {
  readonly timestampMs: number;
  readonly hash64: bigint;
  readonly dup: number;
}

/**
 * How far exports have come. Events get their ids in the order in which they are stored, and are exported in the order of
 * their times: so one export is of the events whose ids are above `afterId` and not above `upToId`, and `at` is where in
 * these it was when its limit ended it; null: all of them are exported.
 */
export interface ExportCursor {
  readonly afterId: number;
  readonly upToId: number;
  readonly at: TimeKey | null;
}

const ID = /^\d{1,15}$/;
const PLACE = /^(\d{1,15}):(\d{1,15}):(\d{1,15}):([0-9a-f]{16}):(\d{1,9})$/;

/** Behind the event with this id, and all that were stored before it. */
export function afterEvent(id: number): ExportCursor {
  return { afterId: id, upToId: id, at: null };
}

/** An event's id, or what {@link exportCursorText} has made; null for anything else. */
export function parseExportCursor(text: string): ExportCursor | null {
  if (ID.test(text)) return afterEvent(Number(text));
  const [, afterId, upToId, timestampMs, hash = '0', dup] = PLACE.exec(text) ?? [];
  if (afterId === undefined || Number(afterId) > Number(upToId)) return null;
  return {
    afterId: Number(afterId),
    upToId: Number(upToId),
    at: { timestampMs: Number(timestampMs), hash64: signed(hash), dup: Number(dup) },
  };
}

/** The id of an event where that says all of it. */
export function exportCursorText({ afterId, upToId, at }: ExportCursor): string {
  if (at === null) return String(upToId);
  const hash = BigInt.asUintN(64, at.hash64).toString(16).padStart(16, '0');
  return `${afterId}:${upToId}:${at.timestampMs}:${hash}:${at.dup}`;
}

/** `hash64` of its 16 hex digits. */
export function signed(hex: string): bigint {
  return BigInt.asIntN(64, BigInt(`0x${hex}`));
}
