import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { EventFlag, type NormaliseContext, type UsageEvent } from '../../../src/lib/contract/event.ts';
import { normalise } from '../../../src/lib/usage/normalise.ts';

/** 2026-11-21T12:00:00.000Z. */
export const CONTEXT: NormaliseContext = { receivedAtMs: 1_795_262_400_000, gatewayId: 7 };

export function bytes(value: unknown): Uint8Array {
  return new TextEncoder().encode(typeof value === 'string' ? value : JSON.stringify(value));
}

/** The event of a record, given as a value or as its JSON text. */
export function eventOf(record: unknown): UsageEvent {
  const normalised = normalise(bytes(record), CONTEXT);
  assert.equal(normalised.kind, 'event');
  return normalised.kind === 'event' ? normalised.event : assert.fail();
}

export function flagNames(flags: number): string[] {
  return Object.entries(EventFlag)
    .filter(([, bit]) => (flags & bit) !== 0)
    .map(([name]) => name)
    .sort();
}

export function fixture(path: string): string {
  return readFileSync(new URL(`../../fixtures/${path}`, import.meta.url), 'utf8');
}

/** What a version of CLIProxyAPI answered to `GET /v0/management/usage-queue`. */
export function recordings(version: string): unknown[] {
  const records: unknown[] = JSON.parse(fixture(`cpa/${version}/usage-queue.json`));
  return records;
}
