import {
  asObject,
  first,
  firstBoolean,
  firstText,
  integer,
  text,
  type Counter,
  type JsonObject,
} from './readers.ts';

/** How a request went. */
export interface Outcome {
  readonly failed: boolean;
  /** As reported, also 200 of a success; null when the record tells none. */
  readonly statusCode: number | null;
  /** Raw text of the failure, holding whatever the upstream wrote; '' on success. */
  readonly body: string;
  readonly cancelled: boolean;
}

const FAILED = ['failed', 'is_failed', 'isFailed'] as const;
const SUCCESS = ['success', 'ok'] as const;
const STATUS = ['status', 'status_code', 'statusCode', 'http_status', 'httpStatus'] as const;
const ERROR = ['error', 'error_message', 'errorMessage'] as const;
const FAIL_STATUS = ['status_code', 'statusCode'] as const;
const FLAT_FAIL_STATUS = ['fail_status_code', 'failStatusCode'] as const;
const FLAT_FAIL_BODY = ['fail_body', 'failBody'] as const;

/** nginx's code for a client that closed the connection, which CLIProxyAPI uses too. */
const CLIENT_CLOSED = 499;
const LAST_STATUS = 999;
/** Go's word for a request whose client is gone, and what proxies write for it. */
const CLIENT_GONE =
  /context cancell?ed|cancell?ed by (?:the )?client|client (?:has )?(?:disconnected|cancell?ed|closed (?:the )?(?:request|connection)|gone)/i;
const LOOKED_AT = 16_384;

export function readOutcome(record: JsonObject): Outcome {
  const fail = asObject(record['fail']);
  const status = statusOf(record, fail);
  const failed = isFailed(record);
  if (!failed) return { failed, statusCode: status, body: '', cancelled: status === CLIENT_CLOSED };
  const body = bodyOf(record, fail);
  const cancelled = isCancelled(status, body);
  return { failed, statusCode: status ?? errorStatus(record), body, cancelled };
}

/** Whether a failure with this status and text is the client's, who went away before the answer was complete. */
export function isCancelled(statusCode: number | null, body: string): boolean {
  return statusCode === CLIENT_CLOSED || CLIENT_GONE.test(body.slice(0, LOOKED_AT));
}

function isFailed(record: JsonObject): boolean {
  const failed = firstBoolean(record, FAILED);
  if (failed !== null) return failed;
  const success = firstBoolean(record, SUCCESS);
  if (success !== null) return !success;
  const status = first(record, STATUS);
  if (status !== undefined && integer(status) >= 400) return true;
  const error = first(record, ERROR);
  return error !== undefined && error !== null;
}

function statusOf(record: JsonObject, fail: JsonObject | null): number | null {
  const nested = fail ? toStatus(integer(first(fail, FAIL_STATUS))) : null;
  return nested ?? toStatus(integer(first(record, FLAT_FAIL_STATUS)));
}

function errorStatus(record: JsonObject): number | null {
  const status = toStatus(integer(first(record, STATUS)));
  return status !== null && status >= 400 ? status : null;
}

function toStatus(value: Counter): number | null {
  return value > 0 && value <= LAST_STATUS ? Number(value) : null;
}

function bodyOf(record: JsonObject, fail: JsonObject | null): string {
  const nested = fail ? written(fail['body']) : '';
  if (nested !== '') return nested;
  const flat = firstText(record, FLAT_FAIL_BODY);
  return flat === '' ? written(first(record, ERROR)) : flat;
}

function written(value: unknown): string {
  if (typeof value !== 'object' || value === null) return text(value);
  try {
    return JSON.stringify(value);
  } catch {
    // Nested deeper than the stack is: nothing anybody could read.
    return '';
  }
}
