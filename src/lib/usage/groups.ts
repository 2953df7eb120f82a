import type { Json } from '../contract/event.ts';
import { MAX_TIME_MS } from './timestamp.ts';

/** One group of the response metadata while it is put together. */
export type Group = { [field: string]: Json };

/** A finished one. */
export type Members = { readonly [field: string]: Json };

/** Sets a field, unless its value is absent: null or ''. */
export function put(into: Group, field: string, value: Json): void {
  if (value !== null && value !== '') into[field] = value;
}

/** Sets a group, unless it is empty. */
export function putGroup(into: Group, name: string, members: Group): void {
  if (!isEmpty(members)) into[name] = members;
}

export function isEmpty(members: Members): boolean {
  for (const _ in members) return false;
  return true;
}

export function numberOf(members: Members, field: string): number | null {
  const value = members[field];
  return typeof value === 'number' ? value : null;
}

export function textOf(members: Members, field: string): string {
  const value = members[field];
  return typeof value === 'string' ? value : '';
}

/** A moment in whole epoch ms, a fraction cut off; null for what is no number, before 1970 or beyond the year 9999. */
export function wholeTime(value: unknown): number | null {
  const ms = typeof value === 'number' ? Math.trunc(value) : -1;
  return ms >= 0 && ms <= MAX_TIME_MS ? ms + 0 : null;
}

/** `baseMs` + `seconds`, as whole epoch ms; null beyond the year 9999. */
export function after(baseMs: number, seconds: number): number | null {
  return wholeTime(Math.round(baseMs + seconds * 1000));
}
