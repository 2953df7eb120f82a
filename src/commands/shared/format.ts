import { formatBytes, formatSpan } from '../../lib/format.ts';

export { formatBytes, formatSpan };

/** A count with its thousands apart, the same everywhere. */
export function count(value: number): string {
  return value.toLocaleString('en-US');
}

/** `1 event`, `2 events`. */
export function counted(value: number, one: string, many: string = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

/** `2026-11-21T18:00:00Z`: to the second, in UTC. */
export function formatInstant(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');
}

/** The same with how long ago it is, where that says more. */
export function formatPast(ms: number, nowMs: number): string {
  return `${formatInstant(ms)} (${ms > nowMs ? 'in the future' : `${formatSpan(nowMs - ms)} ago`})`;
}
