import { hash } from 'node:crypto';
import type { Counter } from './readers.ts';
import { trim } from './text.ts';

/** What identifies an event: the reported values, before any convention, masking or clamping. */
export interface HashedFields {
  readonly requestId: string;
  /** RFC 3339 in UTC, up to nine fraction digits, trailing zeros removed. */
  readonly timestamp: string;
  readonly endpoint: string;
  readonly model: string;
  readonly authIndex: string;
  readonly sourceHash: string;
  readonly input: Counter;
  readonly output: Counter;
  readonly reasoning: Counter;
  /** The larger of the two counters `cached_tokens` and `cache_tokens`. */
  readonly cachedMax: Counter;
  readonly failed: boolean;
  /** Null when unknown, which is not the same as 0. */
  readonly latencyMs: Counter | null;
}

/**
 * The hash by which CPA-Manager (since 1.1.0), CPA-Manager-Plus and this program recognise the same event: hex
 * SHA-256. Also recomputed from a stored row, so it takes nothing that a row does not hold.
 */
export function eventHash(of: HashedFields): string {
  const counters = `${of.input}|${of.output}|${of.reasoning}|${of.cachedMax}|${of.failed}`;
  const identity = `${of.requestId}|${of.timestamp}|${of.endpoint}|${of.model}|${of.authIndex}|${of.sourceHash}`;
  const latency = of.latencyMs === null ? '' : `|${of.latencyMs}`;
  return hash('sha256', trim(`${identity}|${counters}${latency}`), 'hex');
}

/** Hex SHA-256 of the trimmed text, '' for a blank one. */
export function hashText(value: string): string {
  const trimmed = trim(value);
  return trimmed === '' ? '' : hash('sha256', trimmed, 'hex');
}
